//! How instances and their values look in an answer.

use super::bench::{Ask, CIMV2, Host, SERVICE, VIRTUALIZATION, VM, VM_ID, fault};

const REGISTRY: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/StdRegProv";
const SYSTEM: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem";
const ADAPTER: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_NetworkAdapterConfiguration";

/// Keeps a text in the registry and reads it back.
fn kept(host: &mut Host, text: &str) -> String {
    let place = "<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>SOFTWARE</p:sSubKeyName><p:sValueName>Odd</p:sValueName>";
    host.accepts(&Ask::invoke(REGISTRY, "SetStringValue", &format!("{place}<p:sValue>{text}</p:sValue>")));
    host.accepts(&Ask::invoke(REGISTRY, "GetStringValue", place)).text
}

fn refuse_text(host: &mut Host, text: &str, code: u32) {
    let place = "<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>SOFTWARE</p:sSubKeyName><p:sValueName>Odd</p:sValueName>";
    host.refuses(&Ask::invoke(REGISTRY, "SetStringValue", &format!("{place}<p:sValue>{text}</p:sValue>")), code);
}

rules! {
    on Host;

    /// Answers carry Windows's own prefixes, since some clients read by them.
    answers_have_windows_prefixes: "field notes a.3, libvirt 9.0 source",
        holds: |host| {
            let text = host.accepts(&Ask::get_alpha()).text;
            for (prefix, namespace) in [
                ("s", "http://www.w3.org/2003/05/soap-envelope"),
                ("a", "http://schemas.xmlsoap.org/ws/2004/08/addressing"),
                ("w", "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"),
                ("n", "http://schemas.xmlsoap.org/ws/2004/09/enumeration"),
            ] {
                assert!(text.contains(&format!("xmlns:{prefix}=\"{namespace}\"")), "{prefix} in {text}");
            }
            assert!(text.contains("<p:Win32_Service ") && text.contains("<a:Action>"), "{text}");
        }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS).text;
            assert!(refusal.contains("<s:Fault><s:Code><s:Value>s:Sender</s:Value>"), "{refusal}");
        }

    /// An answer says in which language it speaks.
    answers_say_their_language: "capture real-windows/create_resp",
        holds: |host| { assert!(host.accepts(&Ask::get_alpha()).text.contains("xml:lang=\"en-US\"")); }
        breaks: |host| { assert!(host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS).text.contains("<s:Text xml:lang=\"en-US\">")); }

    /// An instance's element is its class, in the class's namespace, with the class as its type.
    instances_are_called_as_their_class: "field notes b.4, capture real-windows/server_2012-Win32_Service_star_000",
        holds: |host| {
            let answer = host.accepts(&Ask::get_alpha());
            assert_eq!(answer.namespace("Win32_Service"), SERVICE);
            assert_eq!(answer.attribute("p:Win32_Service", "xsi:type").as_deref(), Some("p:Win32_Service_Type"));
        }
        breaks: |host| { host.refuses(&Ask::get(&format!("{CIMV2}/Win32_None")), fault::INVALID_RESOURCE_URI); }

    /// A class keeps the spelling of its declaration, whatever case it was asked for in.
    classes_keep_their_spelling: "MS-WMI 2.2.2",
        holds: |host| {
            let answer = host.accepts(&Ask::get(&SERVICE.replace("Win32_Service", "win32_SERVICE")).select(&[("Name", "Alpha")]));
            assert!(answer.has("p:Win32_Service"), "{}", answer.text);
        }
        breaks: |host| { host.refuses(&Ask::get(&SERVICE.replace("Win32_Service", "Win32-Service")), fault::INVALID_RESOURCE_URI); }

    /// Properties stand in the order of their names, without case.
    properties_stand_in_order: "capture real-windows/server_2012-Win32_NetworkAdapterConfiguration_star_000",
        holds: |host| {
            for ask in [Ask::get_alpha(), Ask::get_vm()] {
                let answer = host.accepts(&ask);
                let class = answer.inside("s:Body").remove(0);
                let names: Vec<String> = answer.inside(&class).iter().map(|name| name.to_lowercase()).collect();
                assert!(names.is_sorted() && names.len() > 20, "{names:?}");
            }
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT Zebra FROM Win32_Service"), fault::WBEM_INVALID_QUERY); }

    /// Every declared scalar is there, with a value or as nil.
    scalars_are_all_there: "field notes a.2, libvirt 9.0 source",
        holds: |host| {
            let answer = host.accepts(&Ask::get_alpha());
            for name in ["AcceptPause", "Description", "DisplayName", "ExitCode", "InstallDate", "ProcessId", "StartMode", "State", "WaitHint"] {
                assert_eq!(answer.count(&format!("p:{name}")), 1, "{name}");
            }
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Colour IS NULL"), fault::WBEM_INVALID_QUERY); }

    /// A scalar without a value is an empty element that says it is nil.
    null_scalars_are_nil: "DSP0230 9.2, capture real-windows/server_2012-Win32_Service_star_000",
        holds: |host| {
            let answer = host.accepts(&Ask::get_alpha());
            assert_eq!(answer.attribute("p:InstallDate", "xsi:nil").as_deref(), Some("true"));
            assert_eq!(answer.of("p:InstallDate"), "");
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE InstallDate < NULL"), fault::WBEM_INVALID_QUERY); }

    /// An array without a value is left out: nil elements stop clients, and Windows sends none.
    null_arrays_are_left_out: "capture real-windows/server_2012-Win32_NetworkAdapterConfiguration_star_000",
        holds: |host| {
            let answer = host.whole(&Ask::enumerate(VM, ""));
            assert!(answer.text.contains("<p:EnabledState>") && !answer.has("p:OtherDedicatedDescriptions"), "{}", answer.text);
        }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_ComputerSystem WHERE OperationalStatus = 2"), fault::WBEM_INVALID_QUERY); }

    /// An array has one element for each value, side by side.
    arrays_are_repeated_elements: "DSP0230 9.2.2, MS-WSMV 3.1.4.1.26",
        holds: |host| {
            let query = format!("SELECT * FROM Msvm_VirtualSystemSettingData WHERE InstanceID = 'Microsoft:{VM_ID}'");
            assert_eq!(host.first(&Ask::wql(VIRTUALIZATION, &query)).all("p:Notes"), ["first", "second"]);
        }
        breaks: |host| {
            let filter = "SELECT * FROM Msvm_VirtualSystemSettingData WHERE Notes = 'first'";
            host.refuses(&Ask::wql(VIRTUALIZATION, filter), fault::WBEM_INVALID_QUERY);
        }

    /// Numbers are decimal, whatever their width.
    numbers_are_decimal: "DSP0230 8",
        holds: |host| {
            let memory = host.accepts(&Ask::get(SYSTEM)).of("p:TotalVisibleMemorySize");
            assert!(memory.parse::<u64>().unwrap() > 1_000_000, "{memory}");
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE ProcessId = 'many'"), fault::WBEM_INVALID_QUERY); }

    /// Truth is written in small letters.
    truth_is_written_small: "field notes b.4, capture real-windows/server_2012-Win32_ComputerSystem_all_000",
        holds: |host| { assert_eq!(host.accepts(&Ask::get_alpha()).of("p:Started"), "true"); }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Started = 'perhaps'"), fault::WBEM_INVALID_QUERY); }

    /// An instant stands in `cim:Datetime`, in XML Schema's form.
    instants_stand_in_cim_datetime: "capture real-windows/server_2012-Win32_OperatingSystem_star_000",
        holds: |host| {
            let answer = host.accepts(&Ask::get(SYSTEM));
            assert_eq!(answer.inside("p:LastBootUpTime"), ["cim:Datetime"]);
            let text = answer.of("p:LastBootUpTime");
            assert!(text.as_bytes()[10] == b'T' && (text.ends_with('Z') || text.contains('+') || text.rfind('-') > Some(9)), "{text}");
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Win32_OperatingSystem WHERE LastBootUpTime > 'yesterday'"), fault::WBEM_INVALID_QUERY); }

    /// A length of time stands in `cim:Interval`, in XML Schema's form.
    intervals_stand_in_cim_interval: "DSP0230 8, field notes b.4",
        holds: |host| {
            let begun = host.accepts(&Ask::invoke(VM, "RequestStateChange", "<p:RequestedState>3</p:RequestedState>").vm());
            let id = begun.selector("InstanceID").unwrap();
            let job = host.accepts(&Ask::get(&begun.of("w:ResourceURI")).select(&[("InstanceID", &id)]));
            assert_eq!(job.inside("p:ElapsedTime"), ["cim:Interval"]);
            assert!(job.of("p:ElapsedTime").starts_with("P0DT0H"), "{}", job.of("p:ElapsedTime"));
        }
        breaks: |host| {
            let ask = Ask::invoke(VM, "RequestStateChange", "<p:RequestedState>3</p:RequestedState><p:TimeoutPeriod>P1Y</p:TimeoutPeriod>").vm();
            host.refuses(&ask, fault::SCHEMA_VALIDATION);
        }

    /// A reference has its address and its parameters directly inside the property.
    references_stand_directly: "DSP0230 9, field notes b.4",
        holds: |host| {
            let page = host.first(&Ask::enumerate(&format!("{VIRTUALIZATION}/Msvm_SettingsDefineState"), ""));
            assert_eq!(page.inside("p:ManagedElement"), ["a:Address", "a:ReferenceParameters"]);
            assert!(page.of("p:SettingData").contains("Msvm_VirtualSystemSettingData"));
        }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_SettingsDefineState WHERE ManagedElement > 'x'"), fault::WBEM_INVALID_QUERY); }

    /// An instance that is declared as text comes as the text of CIM-XML.
    embedded_instances_come_as_text: "field notes b.4, d.1",
        holds: |host| {
            let page = host.first(&Ask::wql(VIRTUALIZATION, &format!("SELECT * FROM Msvm_KvpExchangeComponent WHERE SystemName = '{VM_ID}'")));
            let items = page.all("p:GuestIntrinsicExchangeItems");
            assert!(items.iter().all(|item| item.starts_with("<INSTANCE CLASSNAME=\"Msvm_KvpExchangeDataItem\">")), "{items:?}");
            assert!(items.iter().any(|item| item.contains("<VALUE>FullyQualifiedDomainName</VALUE>")), "{items:?}");
        }
        breaks: |host| {
            let class = "Msvm_VirtualSystemManagementService";
            let object = format!("<p:SystemSettings><q:X xmlns:q=\"{VIRTUALIZATION}/X\"/></p:SystemSettings>");
            let ask = Ask::invoke(&format!("{VIRTUALIZATION}/{class}"), "DefineSystem", &object).select(&[("CreationClassName", class)]);
            host.refuses(&ask, fault::SCHEMA_VALIDATION);
        }

    /// Characters that XML forbids become question marks.
    control_characters_become_question_marks: "MS-WSMV 3.1.4.1.25",
        holds: |host| { assert!(kept(host, "a&#x1;b&#x1F;c").contains(">a?b?c<")); }
        breaks: |host| { refuse_text(host, "&odd;", fault::INVALID_XML); }

    /// Tab, line feed and carriage return stay what they are.
    white_space_in_values_stays: "MS-WSMV 3.1.4.1.25",
        holds: |host| {
            let text = kept(host, " a&#9;b&#10;c&#13;d ");
            assert!(text.contains("> a\tb\nc&#13;d <") || text.contains("> a&#9;b&#10;c&#13;d <"), "{text}");
        }
        breaks: |host| { refuse_text(host, "<p:inner/>", fault::SCHEMA_VALIDATION); }

    /// Markup in a value is escaped, and comes back as it went.
    markup_in_values_is_escaped: "XML 1.0 2.4",
        holds: |host| {
            let text = kept(host, "&lt;a href=&quot;x&quot;&gt; &amp;amp; ]]&gt; ' ünï 漢字 &#x1F600;");
            assert!(text.contains("&lt;a href=") && text.contains("&amp;amp;") && text.contains("漢字"), "{text}");
        }
        breaks: |host| { refuse_text(host, "a & b", fault::INVALID_XML); }

    /// Some properties of each instance: a fragment of elements without a namespace, in the order of their names.
    projections_are_fragments: "MS-WSMV <58>, <59>; capture real-windows/server_2012-Win32_ComputerSystem_all_000",
        holds: |host| {
            let page = host.first(&Ask::wql(CIMV2, "SELECT State, name, InstallDate FROM Win32_Service WHERE Name = 'Alpha'"));
            assert_eq!(page.inside("n:Items"), ["w:XmlFragment"]);
            assert_eq!(page.inside("w:XmlFragment"), ["InstallDate", "Name", "State"]);
            assert_eq!((page.of("Name").as_str(), page.attribute("InstallDate", "xsi:nil").as_deref()), ("Alpha", Some("true")));
        }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT Colour FROM Win32_Service"), fault::WBEM_INVALID_QUERY); }

    /// A projection has arrays as whole instances have them: repeated, or left out.
    projections_have_arrays: "MS-WSMV <58>",
        holds: |host| {
            let query = format!("SELECT Notes, ElementName FROM Msvm_VirtualSystemSettingData WHERE InstanceID = 'Microsoft:{VM_ID}'");
            let page = host.first(&Ask::wql(VIRTUALIZATION, &query));
            assert_eq!(page.inside("w:XmlFragment"), ["ElementName", "Notes", "Notes"]);
        }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "SELECT Notes FROM Msvm_Nothing"), fault::WBEM_INVALID_CLASS); }

    /// Text is compared without case, and kept with it.
    text_keeps_its_case: "MS-WMI 2.2.1",
        holds: |host| { assert_eq!(host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Name = 'ALPHA'")).of("p:Name"), "Alpha"); }
        breaks: |host| { host.refuses(&Ask::get(SERVICE).select(&[("Name", "ALFA")]), fault::RESOURCE_NOT_FOUND); }

    /// The same question has the same answer, in the same order.
    answers_are_stable: "field notes b.3",
        holds: |host| {
            let (one, two) = (host.whole(&Ask::enumerate(SERVICE, "")), host.whole(&Ask::enumerate(SERVICE, "")));
            assert_eq!(one.all("p:Name"), two.all("p:Name"));
            assert!(host.whole(&Ask::enumerate(ADAPTER, "")).has("p:Win32_NetworkAdapterConfiguration"));
        }
        breaks: |host| { host.refuses(&Ask::enumerate(&format!("{CIMV2}/Win32_None"), ""), fault::INVALID_RESOURCE_URI); }
}
