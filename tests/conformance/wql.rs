//! WQL, as MS-WMI has it.

use super::bench::{Ask, CIMV2, Host, SWITCH_ID, VIRTUALIZATION, VM_ID, fault};

/// The names of the services that fit.
fn services(host: &mut Host, condition: &str) -> Vec<String> {
    host.whole(&Ask::wql(CIMV2, &format!("SELECT * FROM Win32_Service WHERE {condition}"))).all("p:Name")
}

/// The names of the VMs that fit, the host itself left out.
fn machines(host: &mut Host, condition: &str) -> Vec<String> {
    let query = format!("SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND ({condition})");
    host.whole(&Ask::wql(VIRTUALIZATION, &query)).all("p:ElementName")
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
        }

    /// `=`, `!=` and `<>` compare.
    equality_compares: "MS-WMI 2.2.1.1",
        holds: |host| {
            assert_eq!(services(host, "Name = 'Alpha'"), ["Alpha"]);
            assert_eq!(services(host, "Name != 'Alpha'"), services(host, "Name <> 'Alpha'"));
        }
        breaks: |host| { bad(host, "Name == 'Alpha'"); }

    /// `<`, `>`, `<=` and `>=` order numbers by value and text by its letters.
    order_compares: "MS-WMI 2.2.1.1",
        holds: |host| {
            assert_eq!(machines(host, "EnabledState > 2"), ["db01"]);
            assert_eq!(machines(host, "EnabledState <= 2"), ["web01"]);
            assert_eq!(services(host, "Name >= 'alpha' AND Name < 'alphb'"), ["Alpha"]);
        }
        breaks: |host| { bad(host, "Name > > 'Alpha'"); }

    /// A property may stand on either side.
    properties_stand_on_either_side: "MS-WMI 2.2.1.1",
        holds: |host| { assert_eq!(services(host, "'Alpha' = Name"), ["Alpha"]); }
        breaks: |host| { bad(host, "'Alpha' = 'Alpha'"); }

    /// `AND` binds before `OR`, `NOT` before both, parentheses before all.
    operators_bind_in_order: "MS-WMI 2.2.1",
        holds: |host| {
            assert_eq!(services(host, "Name = 'Alpha' OR Name = 'Beta' AND State = 'None'"), ["Alpha"]);
            assert!(services(host, "(Name = 'Alpha' OR Name = 'Beta') AND State = 'None'").is_empty());
            assert_eq!(services(host, "NOT Name = 'Beta' AND Name LIKE '_eta'"), Vec::<String>::new());
        }
        breaks: |host| { bad(host, "(Name = 'Alpha'"); }

    /// `IS NULL` finds what has no value, `IS NOT NULL` what has one.
    null_is_found: "MS-WMI 2.2.1.1",
        holds: |host| {
            assert_eq!(services(host, "InstallDate IS NULL AND Name = 'Alpha'"), ["Alpha"]);
            assert!(services(host, "InstallDate IS NOT NULL").is_empty());
        }
        breaks: |host| { bad(host, "InstallDate IS NOTHING"); }

    /// NULL is neither equal to a value nor different from one.
    null_compares_with_nothing: "MS-WMI 2.2.1.1",
        holds: |host| {
            assert!(services(host, "ServiceSpecificExitCode = 99 AND InstallDate = '20260101000000.000000+000'").is_empty());
            assert!(services(host, "NOT InstallDate IS NULL").is_empty());
        }
        breaks: |host| { bad(host, "InstallDate > NULL"); }

    /// `LIKE` knows `%`, `_` and sets.
    like_knows_wildcards: "MS-WMI 2.2.1.1",
        holds: |host| {
            assert_eq!(services(host, "Name LIKE 'Al%'"), ["Alpha"]);
            assert_eq!(services(host, "Name LIKE '_eta'"), ["Beta"]);
            assert_eq!(services(host, "Name LIKE '[A-B]%a' AND Name LIKE '%[ph]a'"), ["Alpha"]);
            assert_eq!(services(host, "Name LIKE '[^A-F]amma'"), ["Gamma"]);
        }
        breaks: |host| { bad(host, "Name LIKE '[a'"); }

    /// A backslash escapes the next character in a text, a quote for one.
    backslash_escapes: "MS-WMI 2.2.1",
        holds: |host| {
            assert!(services(host, "Name = 'it\\'s'").is_empty());
            assert_eq!(services(host, "Name = \"Alpha\""), ["Alpha"]);
        }
        breaks: |host| { bad(host, "Name = 'it's'"); }

    /// `__SERVER` is the host's name: so the host itself is told from its VMs.
    server_is_the_hosts_name: "field notes a.4, capture virsh/040",
        holds: |host| {
            assert_eq!(machines(host, "EnabledState >= 0"), ["web01", "db01"]);
            let own = host.whole(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_ComputerSystem WHERE Name = __SERVER"));
            assert_eq!(own.all("p:Name"), ["HV01"]);
        }
        breaks: |host| { bad(host, "Name = __HOST"); }

    /// `__CLASS` is the instance's own class.
    class_is_the_instances_own: "MS-WMI 2.2.1",
        holds: |host| {
            let query = "SELECT * FROM CIM_ResourceAllocationSettingData WHERE __CLASS = 'Msvm_MemorySettingData'";
            let page = host.whole(&Ask::wql(VIRTUALIZATION, query));
            assert!(page.has("p:Msvm_MemorySettingData") && !page.has("p:Msvm_ProcessorSettingData"));
        }
        breaks: |host| { bad(host, "__KLASS = 'Win32_Service'"); }

    /// `__PATH` compares paths, whatever case host, namespace and keys have; backslashes are doubled once more.
    path_compares_paths: "field notes a.4, capture virsh/024",
        holds: |host| {
            let path = format!("\\\\\\\\hv01\\\\ROOT\\\\virtualization\\\\v2:Msvm_VirtualEthernetSwitch.CreationClassName=\"Msvm_VirtualEthernetSwitch\",Name=\"{}\"", SWITCH_ID.to_lowercase());
            let page = host.whole(&Ask::wql(VIRTUALIZATION, &format!("SELECT * FROM Msvm_VirtualEthernetSwitch WHERE __PATH = '{path}'")));
            assert_eq!(page.all("p:ElementName"), ["inside"]);
        }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_VirtualEthernetSwitch WHERE __PATH > 'x'"), fault::WBEM_INVALID_QUERY); }

    /// A property that the class does not have is no NULL: the query is refused.
    properties_are_known: "MS-WMI 2.2.11 WBEM_E_INVALID_QUERY",
        holds: |host| { assert_eq!(services(host, "DisplayName IS NOT NULL AND Name = 'Alpha'"), ["Alpha"]); }
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
        holds: |host| {
            let query = format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE AssocClass = Msvm_VirtualSystemSettingDataComponent ResultClass = Msvm_ProcessorSettingData");
            assert_eq!(host.whole(&Ask::wql(VIRTUALIZATION, &query)).inside("n:Items"), ["p:Msvm_ProcessorSettingData"]);
        }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "ASSOCIATORS OF Msvm_ComputerSystem"), fault::WBEM_INVALID_QUERY); }

    /// `ASSOCIATORS OF` of what is not there is an error, not an empty answer.
    associators_need_their_instance: "MS-WMI 2.2.11 WBEM_E_NOT_FOUND",
        holds: |host| { host.whole(&Ask::wql(VIRTUALIZATION, &format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}}"))); }
        breaks: |host| { host.refuses(&Ask::wql(VIRTUALIZATION, "ASSOCIATORS OF {Msvm_VirtualSystemSettingData.InstanceID='none'}"), fault::WBEM_NOT_FOUND); }

    /// `REFERENCES OF` finds the associations themselves.
    references_are_found: "MS-WMI 2.2.1.3",
        holds: |host| {
            let query = format!("REFERENCES OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE ResultClass = Msvm_SettingsDefineState");
            assert_eq!(host.whole(&Ask::wql(VIRTUALIZATION, &query)).inside("n:Items"), ["p:Msvm_SettingsDefineState"]);
        }
        breaks: |host| {
            let query = format!("REFERENCES OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM_ID}'}} WHERE AssocClass = X");
            host.refuses(&Ask::wql(VIRTUALIZATION, &query), fault::WBEM_INVALID_QUERY);
        }

    /// An event query needs a subscription.
    event_queries_need_a_subscription: "MS-WMI 2.2.1.2",
        holds: |host| { host.whole(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::wql(CIMV2, "SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Win32_Service'"), fault::WBEM_INVALID_QUERY); }

    /// A query nests to a depth that has an end, and has an end in length too.
    queries_have_an_end: "MS-WMI 2.2.1",
        holds: |host| { assert_eq!(services(host, &format!("{}Name = 'Alpha'{}", "(".repeat(30), ")".repeat(30))), ["Alpha"]); }
        breaks: |host| {
            bad(host, &format!("{}Name = 'Alpha'{}", "(".repeat(5000), ")".repeat(5000)));
            bad(host, &["Name = 'Alpha'"; 2000].join(" OR "));
        }
}
