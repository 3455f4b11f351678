//! How instances and their values look in an answer.

use super::bench::{Answer, Ask, CIMV2, Host, SERVICE, VIRTUALIZATION, VM, VM_ID, fault};

const REGISTRY: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/StdRegProv";
const SYSTEM: &str = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_OperatingSystem";

/// Keeps a text in the registry and reads it back.
fn kept(host: &mut Host, text: &str) -> Answer {
    let place = "<p:hDefKey>2147483650</p:hDefKey><p:sSubKeyName>SOFTWARE</p:sSubKeyName><p:sValueName>Odd</p:sValueName>";
    host.accepts(&Ask::invoke(REGISTRY, "SetStringValue", &format!("{place}<p:sValue>{text}</p:sValue>")));
    host.accepts(&Ask::invoke(REGISTRY, "GetStringValue", place))
}

rules! {
    on Host;

    /// Answers carry Windows's own prefixes, since some clients read by them.
    answers_have_windows_prefixes: "field notes a.3, libvirt 9.0 source",
        shows: |host| { host.accepts(&Ask::get_alpha()) }
        reads: |answer| {
            for (prefix, namespace) in [
                ("s", "http://www.w3.org/2003/05/soap-envelope"),
                ("a", "http://schemas.xmlsoap.org/ws/2004/08/addressing"),
                ("w", "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"),
                ("n", "http://schemas.xmlsoap.org/ws/2004/09/enumeration"),
            ] {
                assert!(answer.text.contains(&format!("xmlns:{prefix}=\"{namespace}\"")), "{prefix} in {}", answer.text);
            }
            assert!(answer.text.contains("<p:Win32_Service ") && answer.text.contains("<a:Action>"), "{}", answer.text);
        }
        spoils: |answer| { ["s", "a", "w", "n", "p"].map(|prefix| answer.renaming(prefix, "ns0")) }

    /// An answer says in which language it speaks.
    answers_say_their_language: "capture real-windows/create_resp",
        shows: |host| { vec![host.accepts(&Ask::get_alpha()), host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS)] }
        reads: |answers| {
            assert!(answers.iter().all(|answer| answer.markup("s:Envelope").split('>').next().unwrap().contains("xml:lang=\"en-US\"")));
            assert!(answers[1].text.contains("<s:Text xml:lang=\"en-US\">"));
        }
        spoils: |answers| {
            [
                vec![answers[0].with("xml:lang=\"en-US\"", ""), answers[1].clone()],
                vec![answers[0].clone(), answers[1].with("<s:Text xml:lang=\"en-US\">", "<s:Text xml:lang=\"de-DE\">")],
            ]
        }

    /// An instance's element is its class, in the class's namespace, with the class as its type.
    instances_are_called_as_their_class: "field notes b.4, capture real-windows/server_2012-Win32_Service_star_000",
        shows: |host| { host.accepts(&Ask::get_alpha()) }
        reads: |answer| {
            assert_eq!(answer.namespace("Win32_Service"), SERVICE);
            assert_eq!(answer.attribute("p:Win32_Service", "xsi:type").as_deref(), Some("p:Win32_Service_Type"));
        }
        spoils: |answer| { [answer.with_each("Win32_Service", "Win32_BaseService"), answer.with("Win32_Service_Type", "Win32_Service"), answer.with("wmi/root/cimv2/Win32_Service", "wmi/root/cimv2/CIM_Service")] }

    /// A class keeps the spelling of its declaration, whatever case it was asked for in.
    classes_keep_their_spelling: "MS-WMI 2.2.2",
        shows: |host| { host.accepts(&Ask::get(&SERVICE.replace("Win32_Service", "win32_SERVICE")).select(&[("Name", "Alpha")])) }
        reads: |answer| { assert!(answer.has("p:Win32_Service") && answer.namespace("Win32_Service") == SERVICE, "{}", answer.text); }
        spoils: |answer| { [answer.with_each("p:Win32_Service", "p:win32_SERVICE"), answer.with("cimv2/Win32_Service", "cimv2/win32_SERVICE")] }

    /// Properties stand in the order of their names, without case.
    properties_stand_in_order: "capture real-windows/server_2012-Win32_NetworkAdapterConfiguration_star_000",
        shows: |host| { vec![host.accepts(&Ask::get_alpha()), host.accepts(&Ask::get_vm())] }
        reads: |answers| {
            for answer in answers {
                let class = answer.inside("s:Body").remove(0);
                let names: Vec<String> = answer.inside(&class).iter().map(|name| name.to_lowercase()).collect();
                assert!(names.is_sorted() && names.len() > 20, "{names:?}");
            }
        }
        spoils: |answers| { [vec![answers[0].swapping("p:Caption", "p:State")], vec![answers[1].swapping("p:ElementName", "p:Name")]] }

    /// Every declared scalar is there, with a value or as nil.
    scalars_are_all_there: "field notes a.2, libvirt 9.0 source",
        shows: |host| { host.accepts(&Ask::get_alpha()) }
        reads: |answer| {
            for name in ["AcceptPause", "Description", "DisplayName", "ExitCode", "InstallDate", "ProcessId", "StartMode", "State", "WaitHint"] {
                assert_eq!(answer.count(&format!("p:{name}")), 1, "{name}");
            }
        }
        spoils: |answer| { [answer.lacking("p:InstallDate"), answer.lacking("p:WaitHint"), answer.doubling("p:State")] }

    /// A scalar without a value is an empty element that says it is nil.
    null_scalars_are_nil: "DSP0230 9.2, capture real-windows/server_2012-Win32_Service_star_000",
        shows: |host| { host.accepts(&Ask::get_alpha()) }
        reads: |answer| {
            assert_eq!(answer.attribute("p:InstallDate", "xsi:nil").as_deref(), Some("true"));
            assert_eq!(answer.of("p:InstallDate"), "");
        }
        spoils: |answer| { [answer.with("<p:InstallDate xsi:nil=\"true\"/>", "<p:InstallDate/>"), answer.with("<p:InstallDate xsi:nil=\"true\"/>", "<p:InstallDate xsi:nil=\"true\">never</p:InstallDate>"), answer.lacking("p:InstallDate")] }

    /// An array without a value is left out: nil elements stop clients, and Windows sends none.
    null_arrays_are_left_out: "capture real-windows/server_2012-Win32_NetworkAdapterConfiguration_star_000",
        shows: |host| { host.whole(&Ask::enumerate(VM, "")) }
        reads: |answer| { assert!(answer.text.contains("<p:EnabledState>") && !answer.has("p:OtherDedicatedDescriptions"), "{}", answer.text); }
        spoils: |answer| { [answer.with("<p:EnabledState>", "<p:OtherDedicatedDescriptions xsi:nil=\"true\"/><p:EnabledState>")] }

    /// An array has one element for each value, side by side.
    arrays_are_repeated_elements: "DSP0230 9.2.2, MS-WSMV 3.1.4.1.26",
        shows: |host| {
            let query = format!("SELECT * FROM Msvm_VirtualSystemSettingData WHERE InstanceID = 'Microsoft:{VM_ID}'");
            host.first(&Ask::wql(VIRTUALIZATION, &query))
        }
        reads: |answer| { assert_eq!(answer.all("p:Notes"), ["first", "second"]); }
        spoils: |answer| { [answer.with("</p:Notes><p:Notes>", ""), answer.with("</p:Notes><p:Notes>", "</p:Notes><p:Odd/><p:Notes>").lacking("p:Notes")] }

    /// Numbers are decimal, whatever their width.
    numbers_are_decimal: "DSP0230 8",
        shows: |host| { host.accepts(&Ask::get(SYSTEM)) }
        reads: |answer| {
            let memory = answer.of("p:TotalVisibleMemorySize");
            assert!(memory.parse::<u64>().unwrap() > 1_000_000, "{memory}");
        }
        spoils: |answer| { [answer.with("<p:TotalVisibleMemorySize>", "<p:TotalVisibleMemorySize>0x"), answer.with("</p:TotalVisibleMemorySize>", ".0</p:TotalVisibleMemorySize>")] }

    /// Truth is written in small letters.
    truth_is_written_small: "field notes b.4, capture real-windows/server_2012-Win32_ComputerSystem_all_000",
        shows: |host| { host.accepts(&Ask::get_alpha()) }
        reads: |answer| { assert_eq!((answer.of("p:Started").as_str(), answer.of("p:DesktopInteract").as_str()), ("true", "false")); }
        spoils: |answer| { [answer.with("<p:Started>true<", "<p:Started>True<"), answer.with("<p:DesktopInteract>false<", "<p:DesktopInteract>0<")] }

    /// An instant stands in `cim:Datetime`, in XML Schema's form.
    instants_stand_in_cim_datetime: "capture real-windows/server_2012-Win32_OperatingSystem_star_000",
        shows: |host| { host.accepts(&Ask::get(SYSTEM)) }
        reads: |answer| {
            assert_eq!(answer.inside("p:LastBootUpTime"), ["cim:Datetime"]);
            let text = answer.of("p:LastBootUpTime");
            assert!(text.as_bytes()[10] == b'T' && (text.ends_with('Z') || text.contains('+') || text.rfind('-') > Some(9)), "{text}");
        }
        spoils: |answer| {
            let text = answer.of("p:LastBootUpTime");
            let markup = answer.markup("p:LastBootUpTime");
            [
                answer.with(markup, &markup.replace("cim:Datetime", "cim:Interval")),
                answer.with(markup, &format!("<p:LastBootUpTime>{text}</p:LastBootUpTime>")),
                answer.with(markup, &markup.replace(&text, "20260301020000.000000+000")),
            ]
        }

    /// A length of time stands in `cim:Interval`, in XML Schema's form.
    intervals_stand_in_cim_interval: "DSP0230 8, field notes b.4",
        shows: |host| {
            let begun = host.accepts(&Ask::invoke(VM, "RequestStateChange", "<p:RequestedState>3</p:RequestedState>").vm());
            let id = begun.selector("InstanceID").unwrap();
            host.accepts(&Ask::get(&begun.of("w:ResourceURI")).select(&[("InstanceID", &id)]))
        }
        reads: |job| {
            assert_eq!(job.inside("p:ElapsedTime"), ["cim:Interval"]);
            assert!(job.of("p:ElapsedTime").starts_with("P0DT0H"), "{}", job.of("p:ElapsedTime"));
        }
        spoils: |job| {
            let markup = job.markup("p:ElapsedTime");
            [job.with(markup, &markup.replace("cim:Interval", "cim:Datetime")), job.with(&job.of("p:ElapsedTime"), "00000000000000.000000:000")]
        }

    /// A reference has its address and its parameters directly inside the property.
    references_stand_directly: "DSP0230 9, field notes b.4",
        shows: |host| { host.first(&Ask::enumerate(&format!("{VIRTUALIZATION}/Msvm_SettingsDefineState"), "")) }
        reads: |page| {
            assert_eq!(page.inside("p:ManagedElement"), ["a:Address", "a:ReferenceParameters"]);
            assert!(page.of("p:SettingData").contains("Msvm_VirtualSystemSettingData"));
        }
        spoils: |page| {
            let parts = page.markup("p:ManagedElement");
            let wrapped = parts.replace("<a:Address>", "<a:EndpointReference><a:Address>").replace("</a:ReferenceParameters>", "</a:ReferenceParameters></a:EndpointReference>");
            [page.with(parts, &wrapped), page.with("Msvm_VirtualSystemSettingData<", "Msvm_Nothing<")]
        }

    /// An instance that is declared as text comes as the text of CIM-XML.
    embedded_instances_come_as_text: "field notes b.4, d.1",
        shows: |host| { host.first(&Ask::wql(VIRTUALIZATION, &format!("SELECT * FROM Msvm_KvpExchangeComponent WHERE SystemName = '{VM_ID}'"))) }
        reads: |page| {
            let items = page.all("p:GuestIntrinsicExchangeItems");
            assert!(items.iter().all(|item| item.starts_with("<INSTANCE CLASSNAME=\"Msvm_KvpExchangeDataItem\">")), "{items:?}");
            assert!(items.iter().any(|item| item.contains("<VALUE>FullyQualifiedDomainName</VALUE>")), "{items:?}");
        }
        spoils: |page| {
            let text = page.all("p:GuestIntrinsicExchangeItems").remove(0);
            let markup = page.markup("p:GuestIntrinsicExchangeItems");
            [page.with(markup, &format!("{}{text}</p:GuestIntrinsicExchangeItems>", &markup[..=markup.find('>').unwrap()])), page.with("FullyQualifiedDomainName", "FullyQualifiedName")]
        }

    /// Characters that XML forbids become question marks.
    control_characters_become_question_marks: "MS-WSMV 3.1.4.1.25",
        shows: |host| {
            let query = "SELECT * FROM Msvm_VirtualSystemSettingData WHERE ElementName = 'db01'";
            host.first(&Ask::wql(VIRTUALIZATION, query))
        }
        reads: |answer| { assert_eq!(answer.all("p:Notes"), ["a?b?c"]); }
        spoils: |answer| { [answer.with("a?b?c", "abc"), answer.with("a?b?c", "a b c")] }

    /// Tab, line feed and carriage return stay what they are.
    white_space_in_values_stays: "MS-WSMV 3.1.4.1.25",
        shows: |host| { kept(host, " a&#9;b&#10;c&#13;d ") }
        reads: |answer| { assert_eq!(answer.of("p:sValue"), " a\tb\nc\rd "); }
        spoils: |answer| { [answer.with("&#13;", "\r"), answer.with("> a", ">a")] }

    /// Markup in a value is escaped, and comes back as it went.
    markup_in_values_is_escaped: "XML 1.0 2.4",
        shows: |host| { kept(host, "&lt;a href=&quot;x&quot;&gt; &amp;amp; ]]&gt; ' ünï 漢字 &#x1F600;") }
        reads: |answer| { assert_eq!(answer.of("p:sValue"), "<a href=\"x\"> &amp; ]]> ' ünï 漢字 \u{1f600}"); }
        spoils: |answer| { [answer.with("&amp;amp;", "&amp;"), answer.with("漢字", "??"), answer.with("&lt;a href=", "a href=")] }

    /// Some properties of each instance: a fragment of elements without a namespace, in the order of their names.
    projections_are_fragments: "MS-WSMV <58>, <59>; capture real-windows/server_2012-Win32_ComputerSystem_all_000",
        shows: |host| { host.first(&Ask::wql(CIMV2, "SELECT State, name, InstallDate FROM Win32_Service WHERE Name = 'Alpha'")) }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["w:XmlFragment"]);
            assert_eq!(page.inside("w:XmlFragment"), ["InstallDate", "Name", "State"]);
            assert_eq!((page.of("Name").as_str(), page.attribute("InstallDate", "xsi:nil").as_deref()), ("Alpha", Some("true")));
        }
        spoils: |page| { [page.swapping("Name", "State"), page.with("<Name>", "<w:Name>").with("</Name>", "</w:Name>"), page.lacking("InstallDate"), page.with_each("w:XmlFragment", "w:Fragment")] }

    /// A projection has arrays as whole instances have them: repeated, or left out.
    projections_have_arrays: "MS-WSMV <58>",
        shows: |host| {
            let query = format!("SELECT Notes, ElementName FROM Msvm_VirtualSystemSettingData WHERE InstanceID = 'Microsoft:{VM_ID}'");
            host.first(&Ask::wql(VIRTUALIZATION, &query))
        }
        reads: |page| { assert_eq!(page.inside("w:XmlFragment"), ["ElementName", "Notes", "Notes"]); }
        spoils: |page| { [page.with("</Notes><Notes>", " "), page.lacking("Notes")] }

    /// Text is compared without case, and kept with it.
    text_keeps_its_case: "MS-WMI 2.2.1",
        shows: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service WHERE Name = 'ALPHA'")) }
        reads: |page| { assert_eq!(page.of("p:Name"), "Alpha"); }
        spoils: |page| { [page.with("<p:Name>Alpha<", "<p:Name>ALPHA<"), page.lacking("p:Win32_Service")] }

    /// The same question has the same answer, in the same order.
    answers_are_stable: "field notes b.3",
        shows: |host| { vec![host.whole(&Ask::enumerate(SERVICE, "")), host.whole(&Ask::enumerate(SERVICE, ""))] }
        reads: |pages| {
            assert!(pages[0].all("p:Name").len() > 5);
            assert_eq!(pages[0].all("p:Name"), pages[1].all("p:Name"));
        }
        spoils: |pages| { [vec![pages[0].clone(), pages[1].lacking("p:Win32_Service")], vec![pages[0].clone(), pages[1].with("<p:Name>Alpha<", "<p:Name>Omega<")]] }
}
