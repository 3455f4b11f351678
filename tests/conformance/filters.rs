//! Filters: which languages there are, and where each may stand.

use super::bench::{Answer, Ask, CIMV2, Host, SERVICE, SWITCH_ID, VIRTUALIZATION, VM, VM_ID, fault, selectors};

const WQL: &str = "http://schemas.microsoft.com/wbem/wsman/1/WQL";
const SELECTOR: &str = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter";
const ASSOCIATION: &str = "http://schemas.dmtf.org/wbem/wsman/1/cimbinding/associationFilter";

/// Services that have these values.
fn services(selected: &[(&str, &str)]) -> Ask {
    Ask::filter(SERVICE, SELECTOR, &selectors(selected))
}

/// What is associated with the VM; `parts` stand after the object.
fn associated(element: &str, parts: &str) -> Ask {
    associated_of(element, VM_ID, parts)
}

fn associated_of(element: &str, id: &str, parts: &str) -> Ask {
    let keys = selectors(&[("CreationClassName", "Msvm_ComputerSystem"), ("Name", id)]);
    let reference = format!(
        "<a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>\
         <a:ReferenceParameters><w:ResourceURI>{VM}</w:ResourceURI>{keys}</a:ReferenceParameters>"
    );
    let filter = format!("<b:{element}><b:Object>{reference}</b:Object>{parts}</b:{element}>");
    Ask::filter(&format!("{VIRTUALIZATION}/*"), ASSOCIATION, &filter)
}

fn settings() -> &'static str {
    "<b:AssociationClassName>Msvm_SettingsDefineState</b:AssociationClassName>\
     <b:ResultClassName>Msvm_VirtualSystemSettingData</b:ResultClassName>"
}

fn names(page: &Answer) -> Vec<String> {
    page.all("p:Name")
}

rules! {
    on Host;

    /// WQL stands on the URI of all classes of a namespace.
    wql_stands_on_all_classes: "MS-WSMV 3.1.4.1.13, code 2150859003",
        holds: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::filter(SERVICE, WQL, "SELECT * FROM Win32_Service"), fault::WQL_ON_CLASS); }

    /// WQL is text.
    wql_is_text: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| { host.refuses(&Ask::filter(&format!("{CIMV2}/*"), WQL, "<w:Query/>"), fault::CANNOT_PROCESS_FILTER); }

    /// A filter may stand in either namespace, and means the same.
    filters_stand_in_either_namespace: "MS-WSMV 3.1.4.1.13",
        holds: |host| {
            for prefix in ["w", "n"] {
                let filter = format!("<{prefix}:Filter Dialect=\"{WQL}\">SELECT * FROM Win32_Service WHERE Name = 'Alpha'</{prefix}:Filter>");
                assert_eq!(names(&host.whole(&Ask::enumerate(&format!("{CIMV2}/*"), &filter))), ["Alpha"]);
            }
        }
        breaks: |host| {
            for prefix in ["w", "n"] {
                let filter = format!("<{prefix}:Filter Dialect=\"{WQL}\">SELECT * FROM Win32_Service</{prefix}:Filter>");
                host.refuses(&Ask::enumerate(SERVICE, &filter), fault::WQL_ON_CLASS);
            }
        }

    /// There is one filter.
    there_is_one_filter: "DSP0226 8.3",
        holds: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| {
            let twice = format!("<w:Filter Dialect=\"{WQL}\">SELECT * FROM Win32_Service</w:Filter>").repeat(2).replacen("w:Filter", "n:Filter", 1);
            let twice = twice.replacen("</w:Filter>", "</n:Filter>", 1);
            assert_eq!(host.refuses(&Ask::enumerate(&format!("{CIMV2}/*"), &twice), fault::CANNOT_PROCESS_FILTER).subcode(), "n:CannotProcessFilter");
        }

    /// XPath, which a filter without a dialect means, filters no WMI enumeration.
    xpath_is_refused: "code 2150858777, DSP0226 8.3",
        holds: |host| { host.first(&services(&[("Name", "Alpha")])); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::enumerate(SERVICE, "<w:Filter>//p:Name</w:Filter>"), fault::DIALECT);
            assert_eq!(refusal.subcode(), "n:FilterDialectRequestedUnavailable");
            host.refuses(&Ask::filter(SERVICE, "http://www.w3.org/TR/1999/REC-xpath-19991116", "//p:Name"), fault::DIALECT);
        }

    /// Other languages are refused as unavailable.
    other_dialects_are_refused: "DSP0227 8.1",
        holds: |host| { host.first(&Ask::wql(CIMV2, "SELECT * FROM Win32_Service")); }
        breaks: |host| {
            for dialect in ["http://schemas.dmtf.org/wbem/cql/1/dsp0202.pdf", "http://schemas.microsoft.com/wbem/wsman/1/wql2", ""] {
                host.refuses(&Ask::filter(&format!("{CIMV2}/*"), dialect, "SELECT * FROM Win32_Service"), fault::DIALECT);
            }
        }

    /// A selector filter gives the instances that have all the values that it names, without case.
    selector_filters_select: "MS-WSMV 4.9, DSP0226 Annex E",
        shows: |host| { host.whole(&services(&[("name", "ALPHA"), ("State", "running")])) }
        reads: |page| { assert_eq!(names(page), ["Alpha"]); }
        spoils: |page| { [page.doubling("p:Win32_Service"), page.lacking("p:Win32_Service"), page.with("<p:Name>Alpha<", "<p:Name>Beta<")] }

    /// A selector filter names properties that the class has.
    selector_filters_know_properties: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&services(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&services(&[("Colour", "red")]), fault::CANNOT_PROCESS_FILTER); }

    /// A selector filter stands on the URI of one class.
    selector_filters_stand_on_a_class: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&services(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::filter(&format!("{CIMV2}/*"), SELECTOR, &selectors(&[("Name", "Alpha")])), fault::CANNOT_PROCESS_FILTER); }

    /// A selector filter names each property once.
    selector_filters_name_each_property_once: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&services(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&services(&[("Name", "Alpha"), ("NAME", "Alpha")]), fault::CANNOT_PROCESS_FILTER); }

    /// A selector filter's values have no quotation marks.
    selector_filters_have_no_quotes: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&services(&[("Name", "Alpha")])); }
        breaks: |host| {
            for value in ["'Alpha'", "\"Alpha\""] {
                host.refuses(&services(&[("Name", value)]), fault::CANNOT_PROCESS_FILTER);
            }
        }

    /// A selector filter compares numbers and truth values too.
    selector_filters_compare_scalars: "DSP0226 Annex E",
        holds: |host| {
            let page = host.whole(&Ask::filter(VM, SELECTOR, &selectors(&[("EnabledState", "3")])));
            assert_eq!(page.all("p:ElementName"), ["db01"]);
            assert!(names(&host.whole(&services(&[("Started", "TRUE")]))).contains(&"Alpha".to_owned()));
        }
        breaks: |host| { host.refuses(&Ask::filter(VM, SELECTOR, "<w:SelectorSet><w:Selector>3</w:Selector></w:SelectorSet>"), fault::SCHEMA_VALIDATION); }

    /// A selector filter does not select by arrays.
    selector_filters_leave_arrays: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&Ask::filter(VM, SELECTOR, &selectors(&[("Name", VM_ID)]))); }
        breaks: |host| { host.refuses(&Ask::filter(VM, SELECTOR, &selectors(&[("OperationalStatus", "2")])), fault::CANNOT_PROCESS_FILTER); }

    /// A selector filter does not select by datetimes.
    selector_filters_leave_datetimes: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.first(&Ask::filter(VM, SELECTOR, &selectors(&[("Name", VM_ID)]))); }
        breaks: |host| { host.refuses(&Ask::filter(VM, SELECTOR, &selectors(&[("TimeOfLastStateChange", "2026-03-01T02:00:00Z")])), fault::CANNOT_PROCESS_FILTER); }

    /// A selector filter does not select by references.
    selector_filters_leave_references: "MS-WSMV 3.1.4.1.13",
        holds: |host| { host.begins(&Ask::enumerate(&format!("{VIRTUALIZATION}/Msvm_SettingsDefineState"), "")); }
        breaks: |host| {
            let links = format!("{VIRTUALIZATION}/Msvm_SettingsDefineState");
            host.refuses(&Ask::filter(&links, SELECTOR, &selectors(&[("ManagedElement", VM_ID)])), fault::CANNOT_PROCESS_FILTER);
        }

    /// A selector filter is a set of selectors.
    selector_filters_are_selector_sets: "MS-WSMV 4.9",
        holds: |host| { host.first(&services(&[("Name", "Alpha")])); }
        breaks: |host| {
            for filter in ["Name=Alpha", "<w:Selectors/>"] {
                host.refuses(&Ask::filter(SERVICE, SELECTOR, filter), fault::CANNOT_PROCESS_FILTER);
            }
        }

    /// A filter changes which items come, and nothing of what they are.
    filters_leave_the_representation: "DSP0226 Annex E",
        shows: |host| { vec![host.accepts(&Ask::get_alpha()), host.whole(&services(&[("Name", "Alpha")]))] }
        reads: |answers| { assert_eq!(answers[1].inside("p:Win32_Service"), answers[0].inside("p:Win32_Service")); }
        spoils: |answers| { [vec![answers[0].clone(), answers[1].lacking("p:State")]] }

    /// An association filter gives what is associated with an instance.
    association_filters_find_instances: "MS-WSMV 3.1.4.1.13, DSP0227 8.2",
        shows: |host| { host.whole(&associated("AssociatedInstances", settings())) }
        reads: |page| { assert_eq!(page.inside("n:Items"), ["p:Msvm_VirtualSystemSettingData"]); }
        spoils: |page| { [page.doubling("p:Msvm_VirtualSystemSettingData"), page.lacking("p:Msvm_VirtualSystemSettingData"), page.with_each("p:Msvm_VirtualSystemSettingData", "p:Msvm_ComputerSystem")] }

    /// An association filter's object is one that is there.
    association_filters_need_their_object: "DSP0227 8.2",
        holds: |host| { host.first(&associated("AssociatedInstances", settings())); }
        breaks: |host| {
            host.refuses(&associated_of("AssociatedInstances", SWITCH_ID, settings()), fault::RESOURCE_NOT_FOUND);
            host.refuses(&associated_of("AssociatedInstances", "nobody", ""), fault::RESOURCE_NOT_FOUND);
        }

    /// An association filter gives the associations themselves, each with its references.
    association_filters_find_associations: "DSP0227 8.2",
        shows: |host| { host.whole(&associated("AssociationInstances", "<b:ResultClassName>Msvm_SettingsDefineState</b:ResultClassName>")) }
        reads: |page| {
            assert_eq!(page.inside("n:Items"), ["p:Msvm_SettingsDefineState"]);
            assert_eq!(page.inside("p:ManagedElement"), ["a:Address", "a:ReferenceParameters"]);
        }
        spoils: |page| { [page.doubling("p:Msvm_SettingsDefineState"), page.lacking("a:ReferenceParameters")] }

    /// An association filter asks for instances or for associations.
    association_filters_ask_for_either: "DSP0227 8.2",
        holds: |host| { host.first(&associated("AssociationInstances", "")); }
        breaks: |host| { host.refuses(&associated("Associations", ""), fault::CANNOT_PROCESS_FILTER); }

    /// An association filter stands on the URI of all classes, since what it finds may be of any.
    association_filters_stand_on_all_classes: "DSP0227 8.2",
        holds: |host| { host.first(&associated("AssociatedInstances", settings())); }
        breaks: |host| { host.refuses(&associated("AssociatedInstances", settings()).with("w:ResourceURI", VM), fault::CANNOT_PROCESS_FILTER); }

    /// An association filter names its object.
    association_filters_name_an_object: "DSP0227 8.2",
        holds: |host| { host.first(&associated("AssociatedInstances", settings())); }
        breaks: |host| {
            let nothing = Ask::filter(&format!("{VIRTUALIZATION}/*"), ASSOCIATION, "<b:AssociatedInstances><b:Role>X</b:Role></b:AssociatedInstances>");
            host.refuses(&nothing, fault::SCHEMA_VALIDATION);
        }

    /// Roles narrow an association filter.
    association_filters_know_roles: "DSP0227 8.2",
        shows: |host| {
            let by = |role: &str| associated("AssociatedInstances", &format!("{}<b:Role>{role}</b:Role>", settings()));
            vec![host.whole(&by("ManagedElement")), host.whole(&by("SettingData"))]
        }
        reads: |pages| { assert_eq!(pages.iter().map(|page| page.inside("n:Items").len()).collect::<Vec<_>>(), [1, 0]); }
        spoils: |pages| {
            let item = pages[0].markup("p:Msvm_VirtualSystemSettingData");
            [
                vec![pages[0].lacking("p:Msvm_VirtualSystemSettingData"), pages[1].clone()],
                vec![pages[0].clone(), pages[1].with("<n:Items/>", &format!("<n:Items>{item}</n:Items>"))],
            ]
        }

    /// An association filter that names properties gives fragments with these alone.
    association_filters_project: "DSP0227 8.2",
        shows: |host| {
            let parts = format!("{}<b:IncludeResultProperty>ElementName</b:IncludeResultProperty>", settings());
            host.whole(&associated("AssociatedInstances", &parts))
        }
        reads: |page| { assert_eq!((page.inside("n:Items"), page.inside("w:XmlFragment")), (vec!["w:XmlFragment".to_owned()], vec!["ElementName".to_owned()])); }
        spoils: |page| { [page.with("</ElementName>", "</ElementName><Notes/>"), page.with_each("w:XmlFragment", "w:Fragment")] }

    /// An association filter finds what `ASSOCIATORS OF` finds.
    association_filters_mean_associators: "MS-WMI 2.2.1, DSP0227 8.2",
        shows: |host| {
            let query = format!("ASSOCIATORS OF {{Msvm_ComputerSystem.CreationClassName='Msvm_ComputerSystem',Name='{VM_ID}'}}");
            vec![host.whole(&Ask::wql(VIRTUALIZATION, &query)), host.whole(&associated("AssociatedInstances", ""))]
        }
        reads: |pages| { assert_eq!(pages[0].inside("n:Items"), pages[1].inside("n:Items")); }
        spoils: |pages| { [vec![pages[0].clone(), pages[1].lacking("p:Msvm_VirtualSystemSettingData")]] }
}
