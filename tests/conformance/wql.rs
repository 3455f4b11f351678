//! WQL, as MS-WMI has it.

use super::bench::{Answer, Ask, CIMV2, Host, SWITCH_ID, VIRTUALIZATION, VM_ID, fault};

/// The services that fit.
fn services(host: &mut Host, condition: &str) -> Answer {
    host.whole(&Ask::wql(CIMV2, &format!("SELECT * FROM Win32_Service WHERE {condition}")))
}

/// The VMs that fit, the host itself left out.
fn machines(host: &mut Host, condition: &str) -> Answer {
    let query = format!("SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND ({condition})");
    host.whole(&Ask::wql(VIRTUALIZATION, &query))
}

/// The names of the services on each page.
fn names(pages: &[Answer]) -> Vec<Vec<String>> {
    pages.iter().map(|page| page.all("p:Name")).collect()
}

/// These pages, each in turn with one item too many or one too few.
fn miscounted(pages: &[Answer], class: &str) -> Vec<Vec<Answer>> {
    let item = pages.iter().find(|page| page.has(class)).unwrap().markup(class);
    let spoilt = |at: usize| {
        let page = &pages[at];
        let wrong = if page.has(class) { page.lacking(class) } else { page.with("<n:Items/>", &format!("<n:Items>{item}</n:Items>")) };
        [&pages[..at], &[wrong], &pages[at + 1..]].concat()
    };
    (0..pages.len()).map(spoilt).collect()
}

/// A query that is no query.
fn refused(host: &mut Host, query: &str) {
    host.refuses(&Ask::wql(CIMV2, query), fault::WBEM_INVALID_QUERY);
}

fn bad(host: &mut Host, condition: &str) {
    refused(host, &format!("SELECT * FROM Win32_Service WHERE {condition}"));
}

rules! {
    on Host;

    /// Keywords and names have no case.
    keywords_have_no_case: "MS-WMI 2.2.1",
        holds: |host| { assert_eq!(host.whole(&Ask::wql(CIMV2, "select * From win32_SERVICE wHere NAME = 'Alpha'")).all("p:Name"), ["Alpha"]); }
        breaks: |host| { refused(host, "pick * from Win32_Service"); }

    /// A statement is whole.
    statements_are_whole: "MS-WMI 2.2.1",
        holds: |host| { host.whole(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service ")); }
        breaks: |host| {
            for query in ["", "SELECT", "SELECT *", "SELECT * FROM", "SELECT * FROM Win32_Service WHERE", "SELECT * FROM Win32_Service; DROP"] {
                refused(host, query);
            }
            for condition in ["Name == 'Alpha'", "Name > > 'Alpha'", "(Name = 'Alpha'", "Name = 'Alpha')", "InstallDate IS NOTHING", "Name LIKE '[a'", "'Alpha' = 'Alpha'"] {
                bad(host, condition);
            }
        }

    /// `=`, `!=` and `<>` compare.
    equality_compares: "MS-WMI 2.2.1.1",
        shows: |host| { vec![services(host, "Name = 'Alpha'"), services(host, "Name != 'Alpha'"), services(host, "Name <> 'Alpha'")] }
        reads: |pages| {
            assert_eq!(pages[0].all("p:Name"), ["Alpha"]);
            assert!(!pages[1].all("p:Name").contains(&"Alpha".to_owned()) && pages[1].all("p:Name").contains(&"Beta".to_owned()));
            assert_eq!(pages[1].all("p:Name"), pages[2].all("p:Name"));
        }
        spoils: |pages| { miscounted(pages, "p:Win32_Service") }

    /// `<`, `>`, `<=` and `>=` order numbers by value and text by its letters.
    order_compares: "MS-WMI 2.2.1.1",
        shows: |host| { vec![machines(host, "EnabledState > 2"), machines(host, "EnabledState <= 2"), services(host, "Name >= 'alpha' AND Name < 'alphb'")] }
        reads: |pages| {
            assert_eq!((pages[0].all("p:ElementName"), pages[1].all("p:ElementName")), (vec!["db01".to_owned()], vec!["web01".to_owned()]));
            assert_eq!(pages[2].all("p:Name"), ["Alpha"]);
        }
        spoils: |pages| {
            let machine = |at: usize| pages[at].lacking("p:Msvm_ComputerSystem");
            [
                vec![machine(0), pages[1].clone(), pages[2].clone()],
                vec![pages[0].clone(), machine(1), pages[2].clone()],
                vec![pages[0].clone(), pages[1].clone(), pages[2].doubling("p:Win32_Service")],
            ]
        }

    /// A property may stand on either side.
    properties_stand_on_either_side: "MS-WMI 2.2.1.1",
        shows: |host| {
            vec![
                services(host, "'Alpha' = Name"),
                services(host, "'Alpha' > Name AND Name LIKE '_eta'"),
            ]
        }
        reads: |pages| {
            let wanted: Vec<Vec<String>> = vec![vec!["Alpha".to_owned()], vec![]];
            assert_eq!(names(pages), wanted);
        }
        spoils: |pages| { miscounted(pages, "p:Win32_Service") }

    /// `AND` binds before `OR`, `NOT` before both, parentheses before all.
    operators_bind_in_order: "MS-WMI 2.2.1",
        shows: |host| {
            vec![
                services(host, "Name = 'Alpha' OR Name = 'Beta' AND State = 'None'"),
                services(host, "(Name = 'Alpha' OR Name = 'Beta') AND State = 'None'"),
                services(host, "NOT Name = 'Beta' AND Name LIKE '_eta'"),
            ]
        }
        reads: |pages| {
            let wanted: Vec<Vec<String>> = vec![vec!["Alpha".to_owned()], vec![], vec![]];
            assert_eq!(names(pages), wanted);
        }
        spoils: |pages| { miscounted(pages, "p:Win32_Service") }

    /// `IS NULL` finds what has no value, `IS NOT NULL` what has one.
    null_is_found: "MS-WMI 2.2.1.1",
        shows: |host| {
            vec![
                services(host, "InstallDate IS NULL AND Name = 'Alpha'"),
                services(host, "InstallDate IS NOT NULL"),
            ]
        }
        reads: |pages| {
            let wanted: Vec<Vec<String>> = vec![vec!["Alpha".to_owned()], vec![]];
            assert_eq!(names(pages), wanted);
        }
        spoils: |pages| { miscounted(pages, "p:Win32_Service") }

    /// NULL is neither equal to a value nor different from one.
    null_compares_with_nothing: "MS-WMI 2.2.1.1",
        holds: |host| {
            assert!(services(host, "ServiceSpecificExitCode = 99 AND InstallDate = '20260101000000.000000+000'").all("p:Name").is_empty());
            assert!(services(host, "NOT InstallDate IS NULL").all("p:Name").is_empty());
        }
        breaks: |host| { bad(host, "InstallDate > NULL"); }

    /// `LIKE` knows `%`, `_` and sets.
    like_knows_wildcards: "MS-WMI 2.2.1.1",
        shows: |host| {
            vec![
                services(host, "Name LIKE 'Al%'"),
                services(host, "Name LIKE '_eta'"),
                services(host, "Name LIKE '[A-B]%a' AND Name LIKE '%[ph]a'"),
                services(host, "Name LIKE '[^A-F]amma'"),
            ]
        }
        reads: |pages| {
            let wanted: Vec<Vec<String>> = vec![vec!["Alpha".to_owned()], vec!["Beta".to_owned()], vec!["Alpha".to_owned()], vec!["Gamma".to_owned()]];
            assert_eq!(names(pages), wanted);
        }
        spoils: |pages| { miscounted(pages, "p:Win32_Service") }

    /// A backslash escapes the next character in a text, a quote for one.
    backslash_escapes: "MS-WMI 2.2.1",
        holds: |host| {
            assert!(services(host, "Name = 'it\\'s'").all("p:Name").is_empty());
            assert_eq!(services(host, "Name = \"Alpha\"").all("p:Name"), ["Alpha"]);
        }
        breaks: |host| { bad(host, "Name = 'it's'"); }

    /// `__SERVER` is the host's name: so the host itself is told from its VMs.
    server_is_the_hosts_name: "field notes a.4, capture virsh/040",
        shows: |host| { vec![machines(host, "EnabledState >= 0"), host.whole(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_ComputerSystem WHERE Name = __SERVER"))] }
        reads: |pages| {
            assert_eq!(pages[0].all("p:ElementName"), ["web01", "db01"]);
            assert_eq!(pages[1].all("p:Name"), ["HV01"]);
        }
        spoils: |pages| { miscounted(pages, "p:Msvm_ComputerSystem") }

    /// `__CLASS` is the instance's own class.
    class_is_the_instances_own: "MS-WMI 2.2.1",
        shows: |host| { host.whole(&Ask::wql(VIRTUALIZATION, "SELECT * FROM CIM_ResourceAllocationSettingData WHERE __CLASS = 'Msvm_MemorySettingData'")) }
        reads: |page| { assert!(!page.inside("n:Items").is_empty() && page.inside("n:Items").iter().all(|item| item == "p:Msvm_MemorySettingData")); }
        spoils: |page| { [page.with_each("p:Msvm_MemorySettingData", "p:Msvm_ProcessorSettingData"), page.with(page.markup("n:Items"), "<n:Items/>")] }

    /// `__PATH` compares paths, whatever case host, namespace and keys have; backslashes are doubled once more.
    path_compares_paths: "field notes a.4, capture virsh/024",
        shows: |host| {
            let path = format!("\\\\\\\\hv01\\\\ROOT\\\\virtualization\\\\v2:Msvm_VirtualEthernetSwitch.CreationClassName=\"Msvm_VirtualEthernetSwitch\",Name=\"{}\"", SWITCH_ID.to_lowercase());
            host.whole(&Ask::wql(VIRTUALIZATION, &format!("SELECT * FROM Msvm_VirtualEthernetSwitch WHERE __PATH = '{path}'")))
        }
        reads: |page| { assert_eq!(page.all("p:ElementName"), ["inside"]); }
        spoils: |page| { [page.lacking("p:Msvm_VirtualEthernetSwitch"), page.doubling("p:Msvm_VirtualEthernetSwitch")] }

    /// A path is equal to another or is not, and the host's name stands only where it is known.
    system_properties_are_known: "MS-WMI 2.2.1",
        holds: |host| { host.whole(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_ComputerSystem WHERE Name = __SERVER")); }
        breaks: |host| {
            for condition in ["Name = __HOST", "__KLASS = 'Win32_Service'"] {
                bad(host, condition);
            }
            host.refuses(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_VirtualEthernetSwitch WHERE __PATH > 'x'"), fault::WBEM_INVALID_QUERY);
        }

    /// A property that the class does not have is no NULL: the query is refused.
    properties_are_known: "MS-WMI 2.2.11 WBEM_E_INVALID_QUERY",
        holds: |host| { assert_eq!(services(host, "DisplayName IS NOT NULL AND Name = 'Alpha'").all("p:Name"), ["Alpha"]); }
        breaks: |host| { bad(host, "Colour IS NULL"); }

    /// A class that the namespace lacks is an error of the class, not of the query.
    classes_are_known: "MS-WMI 2.2.11 WBEM_E_INVALID_CLASS",
        holds: |host| { host.whole(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM Msvm_ComputerSystem"), fault::WBEM_INVALID_CLASS); }

    /// A namespace that the host lacks is an error of the namespace.
    namespaces_are_known: "MS-WMI 2.2.11 WBEM_E_INVALID_NAMESPACE",
        holds: |host| { host.whole(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::wql(&CIMV2.replace("cimv2", "none"), "SELECT * FROM Win32_Service"), fault::WBEM_INVALID_NAMESPACE); }

    /// `ASSOCIATORS OF` finds what is at the other ends, narrowed by classes.
    associators_are_found: "MS-WMI 2.2.1.3, capture virsh/008-010",
        shows: |host| {
            let query = format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE AssocClass = Msvm_VirtualSystemSettingDataComponent ResultClass = Msvm_ProcessorSettingData");
            host.whole(&Ask::wql(VIRTUALIZATION, &query))
        }
        reads: |page| { assert_eq!(page.inside("n:Items"), ["p:Msvm_ProcessorSettingData"]); }
        spoils: |page| { [page.doubling("p:Msvm_ProcessorSettingData"), page.lacking("p:Msvm_ProcessorSettingData"), page.with_each("p:Msvm_ProcessorSettingData", "p:Msvm_MemorySettingData")] }

    /// `ASSOCIATORS OF` of what is not there is an error, not an empty answer.
    associators_need_their_instance: "MS-WMI 2.2.11 WBEM_E_NOT_FOUND",
        holds: |host| { host.whole(&Ask::wql(VIRTUALIZATION, &format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}}"))); }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "ASSOCIATORS OF {Msvm_VirtualSystemSettingData.InstanceID='none'}"), fault::WBEM_NOT_FOUND); }

    /// `REFERENCES OF` finds the associations themselves.
    references_are_found: "MS-WMI 2.2.1.3",
        shows: |host| {
            let query = format!("REFERENCES OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE ResultClass = Msvm_SettingsDefineState");
            host.whole(&Ask::wql(VIRTUALIZATION, &query))
        }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["p:Msvm_SettingsDefineState"]);
            assert!(page.of("p:SettingData").contains(VM_ID));
        }
        spoils: |page| { [page.doubling("p:Msvm_SettingsDefineState"), page.lacking("p:Msvm_SettingsDefineState"), page.with_each(VM_ID, "another")] }

    /// What narrows associators and references is written as each of them has it.
    related_queries_are_whole: "MS-WMI 2.2.1.3",
        holds: |host| { host.whole(&Ask::wql(VIRTUALIZATION, &format!("REFERENCES OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}}"))); }
        breaks: |host| {
            let reference = format!("{{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}}");
            for query in [format!("REFERENCES OF {reference} WHERE AssocClass = X"), "ASSOCIATORS OF Msvm_ComputerSystem".to_owned(), "ASSOCIATORS OF {}".to_owned()] {
                host.refuses(&Ask::wql(VIRTUALIZATION, &query), fault::WBEM_INVALID_QUERY);
            }
        }

    /// An event query needs a subscription.
    event_queries_need_a_subscription: "MS-WMI 2.2.1.2",
        holds: |host| { host.whole(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Service'"), fault::WBEM_INVALID_QUERY); }

    /// A query nests to a depth that has an end, and has an end in length too.
    queries_have_an_end: "MS-WMI 2.2.1",
        holds: |host| { assert_eq!(services(host, &format!("{}Name = 'Alpha'{}", "(".repeat(30), ")".repeat(30))).all("p:Name"), ["Alpha"]); }
        breaks: |host| {
            bad(host, &format!("{}Name = 'Alpha'{}", "(".repeat(5000), ")".repeat(5000)));
            bad(host, &["Name = 'Alpha'"; 2000].join(" OR "));
        }
}
