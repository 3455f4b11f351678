//! Methods: how one is called, what its input must look like, what it gives back.

use super::bench::{Ask, CIMV2, Host, SERVICE, VIRTUALIZATION, VM, VM_ID, fault, selectors};

const REGISTRY: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/StdRegProv";
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// The management service, addressed as it must be.
fn management(method: &str, inner: &str) -> Ask {
    let class = "Msvm_VirtualSystemManagementService";
    Ask::invoke(&format!("{VIRTUALIZATION}/{class}"), method, inner).select(&[("CreationClassName", class)])
}

/// A request for another state of the VM.
fn state(inner: &str) -> Ask {
    Ask::invoke(VM, "RequestStateChange", inner).vm()
}

/// A reference to the VM, its parts directly inside the parameter.
fn reference(parameter: &str) -> String {
    format!("<p:{parameter}>{}</p:{parameter}>", parts())
}

fn parts() -> String {
    let keys = selectors(&[("CreationClassName", "Msvm_ComputerSystem"), ("Name", VM_ID)]);
    format!("<a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters><w:ResourceURI>{VM}</w:ResourceURI>{keys}</a:ReferenceParameters>")
}

/// An instance as text, in the form of CIM-XML.
fn settings(properties: &str) -> String {
    let text = format!("<INSTANCE CLASSNAME=\"Msvm_VirtualSystemSettingData\">{properties}</INSTANCE>");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

fn element_name(name: &str) -> String {
    format!("<PROPERTY NAME=\"ElementName\" TYPE=\"string\"><VALUE>{name}</VALUE></PROPERTY>")
}

fn define(settings: &str) -> Ask {
    management("DefineSystem", &format!("<p:SystemSettings>{settings}</p:SystemSettings>"))
}

fn registry(method: &str, inner: &str) -> Ask {
    Ask::invoke(REGISTRY, method, &format!("<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>SOFTWARE</p:sSubKeyName>{inner}"))
}

rules! {
    on Host;

    /// A method's action is its class's URI and its name, and its answer's is that with `Response`.
    actions_name_class_and_method: "MS-WSMV 3.1.4.1.32, DSP0230 10.3",
        holds: |host| {
            let answer = host.accepts(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")]));
            assert_eq!(answer.of("a:Action"), format!("{SERVICE}/StopServiceResponse"));
        }
        breaks: |host| {
            let ask = Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")]).with("a:Action", &format!("{VM}/StopService"));
            let refusal = host.refuses(&ask, fault::ACTION_MISMATCH);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("a:ActionNotSupported", "ActionMismatch"));
        }

    /// A class has the methods that it has.
    methods_are_known: "MS-WSMV 3.1.4.1.32",
        holds: |host| { host.accepts(&Ask::invoke(SERVICE, "InterrogateService", "").select(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::invoke(SERVICE, "Explode", "").select(&[("Name", "Alpha")]), fault::ACTION_NOT_SUPPORTED); }

    /// What a method gives back stands in `<method>_OUTPUT` of the class's namespace, the return value last.
    output_ends_with_the_return_value: "MS-WSMV 4.1.4",
        shows: |host| { host.accepts(&state("<p:RequestedState>3</p:RequestedState>")) }
        reads: |answer| {
            assert_eq!(answer.inside("s:Body"), ["p:RequestStateChange_OUTPUT"]);
            assert_eq!(answer.inside("p:RequestStateChange_OUTPUT"), ["p:Job", "p:ReturnValue"]);
            assert_eq!(answer.namespace("ReturnValue"), VM);
        }
        spoils: |answer| { [answer.swapping("p:Job", "p:ReturnValue"), answer.lacking("p:ReturnValue"), answer.with_each("_OUTPUT", "Response"), answer.with(&format!("xmlns:p=\"{VM}\""), &format!("xmlns:p=\"{VIRTUALIZATION}\""))] }

    /// A refusal in the method's own terms is an answer; a request that the method never saw is a fault.
    return_values_are_no_faults: "DSP0227 11, field notes a.3",
        holds: |host| { assert_ne!(host.accepts(&state("<p:RequestedState>77</p:RequestedState>")).of("p:ReturnValue"), "0"); }
        breaks: |host| { host.refuses(&state("<p:RequestedState>65536</p:RequestedState>"), fault::SCHEMA_VALIDATION); }

    /// A method that takes nothing may be called with an empty input.
    empty_inputs_are_taken: "field notes b.6",
        holds: |host| { host.accepts(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::invoke(SERVICE, "StopService", "<p:Force>true</p:Force>").select(&[("Name", "Alpha")]), fault::SCHEMA_VALIDATION); }

    /// An instance's method needs the instance's keys.
    instance_methods_need_keys: "DSP0227 11",
        holds: |host| { host.accepts(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::invoke(SERVICE, "StopService", ""), fault::TOO_FEW_SELECTORS); }

    /// An instance that is not there has no methods.
    methods_need_their_instance: "DSP0227 11",
        holds: |host| { host.accepts(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "none")]), fault::RESOURCE_NOT_FOUND); }

    /// A static method is called on the class, without selectors.
    static_methods_have_no_keys: "MS-WSMV 4.1.4, field notes b.6",
        holds: |host| { host.accepts(&registry("EnumKey", "")); }
        breaks: |host| { host.refuses(&registry("EnumKey", "").select(&[("Name", "x")]), fault::UNEXPECTED_SELECTORS); }

    /// Hyper-V's services are addressed by their `CreationClassName`, and not without it.
    services_of_hyper_v_need_their_class_name: "field notes b.6",
        holds: |host| { host.accepts(&define(&settings(&element_name("new")))); }
        breaks: |host| {
            host.refuses(&define(&settings(&element_name("new"))).without("w:SelectorSet"), fault::WBEM_INVALID_METHOD_PARAMETERS);
            assert!(host.sim.mutations().is_empty());
        }

    /// A parameter that the method does not have is refused before anything is done.
    parameters_are_known: "field notes b.6, code 2150858817",
        holds: |host| { host.accepts(&state("<p:RequestedState>3</p:RequestedState>")); }
        breaks: |host| {
            host.refuses(&state("<p:RequestedState>3</p:RequestedState><p:Speed>9</p:Speed>"), fault::SCHEMA_VALIDATION);
            assert!(host.sim.mutations().is_empty());
        }

    /// Parameters are matched by name, in any order and case.
    parameters_are_matched_by_name: "field notes b.6",
        holds: |host| {
            let inner = "<p:SSUBKEYNAME>SOFTWARE</p:SSUBKEYNAME><p:hdefkey>2147483650</p:hdefkey>";
            host.accepts(&Ask::invoke(REGISTRY, "EnumKey", inner));
        }
        breaks: |host| { host.refuses(&Ask::invoke(REGISTRY, "EnumKey", "<p:Key>SOFTWARE</p:Key>"), fault::SCHEMA_VALIDATION); }

    /// A reference stands with its parts directly inside the parameter.
    references_are_not_wrapped: "field notes a.3, b.6",
        holds: |host| { host.accepts(&management("DestroySystem", &reference("AffectedSystem").replace(VM_ID, "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0002"))); }
        breaks: |host| {
            let wrapped = format!("<p:AffectedSystem><a:EndpointReference>{}</a:EndpointReference></p:AffectedSystem>", parts());
            host.refuses(&management("DestroySystem", &wrapped), fault::SCHEMA_VALIDATION);
        }

    /// A reference is no text, not even that of a path.
    references_are_no_text: "DSP0230 9",
        holds: |host| { host.accepts(&management("DestroySystem", &reference("AffectedSystem").replace(VM_ID, "2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0002"))); }
        breaks: |host| {
            let path = "<p:AffectedSystem>Msvm_ComputerSystem.Name='web01'</p:AffectedSystem>";
            host.refuses(&management("DestroySystem", path), fault::SCHEMA_VALIDATION);
        }

    /// What is text is no reference.
    text_is_no_reference: "DSP0230 9",
        holds: |host| { host.accepts(&Ask::invoke(SERVICE, "ChangeStartMode", "<p:StartMode>Manual</p:StartMode>").select(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::invoke(SERVICE, "ChangeStartMode", &reference("StartMode")).select(&[("Name", "Alpha")]), fault::SCHEMA_VALIDATION); }

    /// A parameter that is no array comes once.
    scalars_come_once: "DSP0230 9.2.2",
        holds: |host| { host.accepts(&state("<p:RequestedState>3</p:RequestedState>")); }
        breaks: |host| { host.refuses(&state("<p:RequestedState>3</p:RequestedState><p:RequestedState>2</p:RequestedState>"), fault::SCHEMA_VALIDATION); }

    /// A parameter that is an array comes as often as it has values, once included.
    arrays_are_repeated: "DSP0230 9.2.2",
        holds: |host| {
            for values in ["<p:sValue>one</p:sValue>", "<p:sValue>one</p:sValue><p:sValue>two</p:sValue>"] {
                let set = registry("SetMultiStringValue", &format!("<p:sValueName>Odd</p:sValueName>{values}"));
                assert_eq!(host.accepts(&set).of("p:ReturnValue"), "0");
            }
            let got = host.accepts(&registry("GetMultiStringValue", "<p:sValueName>Odd</p:sValueName>"));
            assert_eq!(got.all("p:sValue"), ["one", "two"]);
        }
        breaks: |host| { host.refuses(&registry("SetStringValue", "<p:sValueName>Odd</p:sValueName><p:sValue>1</p:sValue><p:sValue>2</p:sValue>"), fault::SCHEMA_VALIDATION); }

    /// Octets come one element each, or as one text in base64.
    octets_come_either_way: "field notes b.4, libvirt 9.0 source",
        holds: |host| {
            for octets in ["<p:uValue>1</p:uValue><p:uValue>255</p:uValue>", "<p:uValue>Af8=</p:uValue>"] {
                host.accepts(&registry("SetBinaryValue", &format!("<p:sValueName>Odd</p:sValueName>{octets}")));
                assert_eq!(host.accepts(&registry("GetBinaryValue", "<p:sValueName>Odd</p:sValueName>")).all("p:uValue"), ["1", "255"]);
            }
        }
        breaks: |host| { host.refuses(&registry("SetBinaryValue", "<p:sValueName>Odd</p:sValueName><p:uValue>256</p:uValue>"), fault::SCHEMA_VALIDATION); }

    /// Numbers are decimal, and in the range of their type.
    numbers_are_decimal_and_in_range: "DSP0230 8",
        holds: |host| { host.accepts(&registry("SetDWORDValue", "<p:sValueName>Odd</p:sValueName><p:uValue>4294967295</p:uValue>")); }
        breaks: |host| {
            for number in ["4294967296", "-1", "0x10", "1.5", "one"] {
                let set = registry("SetDWORDValue", &format!("<p:sValueName>Odd</p:sValueName><p:uValue>{number}</p:uValue>"));
                host.refuses(&set, fault::SCHEMA_VALIDATION);
            }
        }

    /// Truth is written `true` or `1`, in any case.
    truth_values_have_no_case: "XML Schema part 2, 3.2.2; capture virsh/033",
        holds: |host| {
            for truth in ["false", "False", "FALSE", "0"] {
                let inner = format!("<p:Force>{truth}</p:Force><p:Reason>test</p:Reason>");
                let ask = shutdown(host, &inner);
                host.accepts(&ask);
            }
        }
        breaks: |host| {
            let ask = shutdown(host, "<p:Force>perhaps</p:Force><p:Reason>test</p:Reason>");
            host.refuses(&ask, fault::SCHEMA_VALIDATION);
        }

    /// A datetime is taken in `cim:Datetime`, in `cim:Interval` and as text, in either spelling.
    datetimes_are_taken_in_either_form: "DSP0230 8, field notes b.4",
        holds: |host| {
            for length in ["<cim:Interval>P0DT0H30M0S</cim:Interval>", "PT30M", "00000000003000.000000:000"] {
                host.accepts(&state(&format!("<p:RequestedState>77</p:RequestedState><p:TimeoutPeriod>{length}</p:TimeoutPeriod>")));
            }
        }
        breaks: |host| {
            for length in ["tomorrow", "<cim:Interval>half an hour</cim:Interval>", "00000000003000"] {
                host.refuses(&state(&format!("<p:RequestedState>77</p:RequestedState><p:TimeoutPeriod>{length}</p:TimeoutPeriod>")), fault::SCHEMA_VALIDATION);
            }
        }

    /// A parameter that is nil has no value, whatever its type.
    nil_parameters_have_no_value: "DSP0230 9.2",
        holds: |host| { host.accepts(&state("<p:RequestedState>3</p:RequestedState><p:TimeoutPeriod xsi:nil=\"true\"/>")); }
        breaks: |host| { host.refuses(&state("<p:RequestedState>3</p:RequestedState><p:TimeoutPeriod/>"), fault::SCHEMA_VALIDATION); }

    /// An embedded instance is CIM-XML as text: escaped or in CDATA, with or without a declaration before it.
    embedded_instances_are_text: "field notes a.3, capture virsh define",
        holds: |host| {
            let plain = format!("<INSTANCE CLASSNAME=\"Msvm_VirtualSystemSettingData\">{}</INSTANCE>", element_name("one"));
            let forms = [settings(&element_name("two")), format!("<![CDATA[{plain}]]>"), format!("\n <![CDATA[<?xml version=\"1.0\"?>\n{plain}\n]]> ")];
            for form in forms {
                let code = host.accepts(&define(&form)).of("p:ReturnValue");
                assert!(["0", "4096"].contains(&code.as_str()), "{form}: {code}");
            }
        }
        breaks: |host| { host.refuses(&define("<INSTANCE CLASSNAME=\"Msvm_VirtualSystemSettingData\"/>"), fault::SCHEMA_VALIDATION); }

    /// Where one embedded instance is wanted, two are refused.
    one_embedded_instance_is_one: "field notes a.3",
        holds: |host| { host.accepts(&define(&settings(&element_name("new")))); }
        breaks: |host| {
            let one = format!("<p:SystemSettings>{}</p:SystemSettings>", settings(&element_name("new")));
            host.refuses(&management("DefineSystem", &one.repeat(2)), fault::SCHEMA_VALIDATION);
        }

    /// A job is a reference that can be followed; when there is none, it is nil.
    jobs_are_references: "field notes a.3, b.4, b.6",
        shows: |host| {
            let begun = host.accepts(&state("<p:RequestedState>3</p:RequestedState>"));
            let (resource, id) = (begun.of("w:ResourceURI"), begun.selector("InstanceID").unwrap());
            host.accepts(&Ask::get(&resource).select(&[("InstanceID", &id)]));
            vec![begun, host.accepts(&state("<p:RequestedState>77</p:RequestedState>"))]
        }
        reads: |answers| {
            assert_eq!((answers[0].of("p:ReturnValue").as_str(), answers[0].inside("p:Job")), ("4096", vec!["a:Address".to_owned(), "a:ReferenceParameters".to_owned()]));
            assert_eq!((answers[1].attribute("p:Job", "xsi:nil").as_deref(), answers[1].of("p:Job").as_str()), (Some("true"), ""));
        }
        spoils: |answers| {
            [
                vec![answers[0].lacking("a:ReferenceParameters"), answers[1].clone()],
                vec![answers[0].with(">4096<", ">0<"), answers[1].clone()],
                vec![answers[0].clone(), answers[1].with("<p:Job xsi:nil=\"true\"/>", "<p:Job/>")],
                vec![answers[0].clone(), answers[1].lacking("p:Job")],
            ]
        }

    /// An out parameter that was not set is nil.
    unset_outputs_are_nil: "field notes b.6",
        shows: |host| { host.accepts(&registry("GetStringValue", "<p:sValueName>Nothing</p:sValueName>")) }
        reads: |answer| {
            assert_eq!(answer.attribute("p:sValue", "xsi:nil").as_deref(), Some("true"));
            assert_ne!(answer.of("p:ReturnValue"), "0");
        }
        spoils: |answer| { [answer.lacking("p:sValue"), answer.with("xsi:nil=\"true\"", ""), answer.with(answer.markup("p:ReturnValue"), "<p:ReturnValue xmlns:p=\"http://schemas.microsoft.com/wbem/wsman/1/wmi/x\">0</p:ReturnValue>")] }

    /// All classes of a namespace have no methods.
    all_classes_have_no_methods: "DSP0227 11",
        holds: |host| { host.accepts(&registry("EnumKey", "")); }
        breaks: |host| { host.refuses(&Ask::invoke(&format!("{CIMV2}/*"), "EnumKey", ""), fault::ACTION_NOT_SUPPORTED); }

    /// A method that was called once was carried out once.
    methods_run_once: "DSP0226 9",
        holds: |host| {
            host.accepts(&Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")]));
            assert_eq!(host.sim.mutations().iter().map(|done| done.method.as_str()).collect::<Vec<_>>(), ["StopService"]);
        }
        breaks: |host| {
            host.refuses(&Ask::invoke(SERVICE, "StopService", "<p:Now/>").select(&[("Name", "Alpha")]), fault::SCHEMA_VALIDATION);
            assert!(host.sim.mutations().is_empty());
        }
}

/// A request to the VM's guest to shut down, addressed by all four keys of its component.
fn shutdown(host: &mut Host, inner: &str) -> Ask {
    let query = format!("SELECT * FROM Msvm_ShutdownComponent WHERE SystemName = '{VM_ID}'");
    let device = host.first(&Ask::wql(VIRTUALIZATION, &query)).of("p:DeviceID");
    let class = format!("{VIRTUALIZATION}/Msvm_ShutdownComponent");
    Ask::invoke(&class, "InitiateShutdown", inner).select(&[
        ("CreationClassName", "Msvm_ShutdownComponent"),
        ("DeviceID", &device),
        ("SystemCreationClassName", "Msvm_ComputerSystem"),
        ("SystemName", VM_ID),
    ])
}
