//! Resource URIs: which there are, and how classes and namespaces are named.

use super::bench::{Ask, CIMV2, DMTF, Host, SERVICE, VIRTUALIZATION, VM_ID, fault};

/// The service `Alpha` by DMTF's URI; `namespace` beside it.
fn dmtf(namespace: &str) -> Ask {
    Ask::get(&format!("{DMTF}/Win32_Service")).select(&[("__cimnamespace", namespace), ("Name", "Alpha")])
}

/// References to services by the URI `resource`.
fn references(resource: &str) -> Ask {
    Ask::enumerate(resource, "<w:EnumerationMode>EnumerateEPR</w:EnumerationMode>")
}

rules! {
    on Host;

    /// A class is named by its namespace and its name, the namespace with slashes.
    classes_are_named_with_their_namespace: "MS-WSMV 3.1.4.1.1",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| { host.refuses(&Ask::get("http://schemas.microsoft.com/wbem/wsman/1/wmi/Win32_Service").select(&[("Name", "Alpha")]), fault::INVALID_RESOURCE_URI); }

    /// A namespace that the host lacks is no resource.
    namespaces_exist: "DSP0226 14.6, code 2150858811",
        holds: |host| { host.first(&Ask::wql(VIRTUALIZATION, "SELECT * FROM Msvm_ComputerSystem")); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::get(&SERVICE.replace("cimv2", "cimv3")).select(&[("Name", "Alpha")]), fault::INVALID_RESOURCE_URI);
            assert_eq!((refusal.subcode().as_str(), refusal.detail().as_str()), ("a:DestinationUnreachable", "InvalidResourceURI"));
        }

    /// A class that the namespace lacks is no resource.
    classes_exist: "DSP0226 14.6, code 2150858811",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| { host.refuses(&Ask::get(&format!("{CIMV2}/Msvm_ComputerSystem")), fault::INVALID_RESOURCE_URI); }

    /// A URI is compared without case.
    uris_have_no_case: "MS-WMI 2.2.2, libvirt 9.0 source",
        holds: |host| { host.accepts(&Ask::get(&SERVICE.to_uppercase().replace("HTTP://SCHEMAS.MICROSOFT.COM/WBEM/WSMAN/1/WMI", "http://schemas.microsoft.com/wbem/wsman/1/WMI")).select(&[("Name", "Alpha")])); }
        breaks: |host| { host.refuses(&Ask::get(&SERVICE.replace("/wmi/", "/wmy/")), fault::INVALID_RESOURCE_URI); }

    /// What is neither a class nor a shell, a log or a setting is no resource.
    other_uris_are_no_resources: "MS-WSMV 3.1.4.1.1",
        holds: |host| { host.accepts(&Ask::get_alpha()); }
        breaks: |host| {
            for uri in ["http://example.org/thing", "urn:x", "", "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"] {
                host.refuses(&Ask::get(uri), fault::INVALID_RESOURCE_URI);
            }
        }

    /// DMTF's URI names a class too; its namespace stands beside it.
    dmtf_names_classes: "MS-WSMV 3.1.4.1.1, DSP0227 6.3",
        holds: |host| { assert_eq!(host.accepts(&dmtf("root/cimv2")).of("p:Name"), "Alpha"); }
        breaks: |host| { host.refuses(&dmtf("root/cimv3"), fault::INVALID_RESOURCE_URI); }

    /// DMTF's URI without a namespace beside it means `root/hardware`, which a host without such devices lacks.
    dmtf_means_hardware: "MS-WSMV 3.1.4.1.1",
        holds: |host| { host.accepts(&dmtf("root/cimv2")); }
        breaks: |host| { host.refuses(&Ask::get(&format!("{DMTF}/Win32_Service")).select(&[("Name", "Alpha")]), fault::INVALID_RESOURCE_URI); }

    /// The namespace may be written with either slash, in any case.
    namespaces_have_no_case: "MS-WMI 2.2.2",
        holds: |host| {
            for namespace in ["root/cimv2", "root\\cimv2", "ROOT\\CIMv2"] {
                host.accepts(&dmtf(namespace));
            }
        }
        breaks: |host| { host.refuses(&dmtf("cimv2"), fault::INVALID_RESOURCE_URI); }

    /// Who asks with DMTF's URI is answered with it.
    dmtf_is_answered_with_dmtf: "MS-WSMV <45>",
        shows: |host| { host.accepts(&dmtf("root/cimv2")) }
        reads: |answer| { assert_eq!(answer.namespace("Win32_Service"), format!("{DMTF}/Win32_Service")); }
        spoils: |answer| { [answer.with(&format!("xmlns:p=\"{DMTF}/Win32_Service\""), &format!("xmlns:p=\"{SERVICE}\""))] }

    /// References carry `__cimnamespace` where the request used DMTF's URI, and only there.
    namespaces_stand_in_dmtf_references: "MS-WSMV <45>",
        shows: |host| {
            let asked = references(&format!("{DMTF}/Win32_Service")).select(&[("__cimnamespace", "root/cimv2")]);
            vec![host.first(&asked), host.first(&references(SERVICE))]
        }
        reads: |pages| {
            assert_eq!(pages[0].selector("__cimnamespace").as_deref(), Some("root/cimv2"));
            assert_eq!(pages[0].of("w:ResourceURI"), format!("{DMTF}/Win32_Service"));
            assert_eq!((pages[1].selector("__cimnamespace"), pages[1].of("w:ResourceURI")), (None, SERVICE.to_owned()));
        }
        spoils: |pages| {
            [
                vec![pages[0].with("__cimnamespace", "namespace"), pages[1].clone()],
                vec![pages[0].with(&format!("{DMTF}/Win32_Service<"), &format!("{SERVICE}<")), pages[1].clone()],
                vec![pages[0].clone(), pages[1].with("<w:SelectorSet>", "<w:SelectorSet><w:Selector Name=\"__cimnamespace\">root/cimv2</w:Selector>")],
            ]
        }

    /// A namespace beside a URI that has one already must be the same.
    namespaces_agree: "MS-WSMV <46>",
        holds: |host| { host.accepts(&Ask::get(SERVICE).select(&[("__cimnamespace", "root\\cimv2"), ("Name", "Alpha")])); }
        breaks: |host| {
            let ask = Ask::get(SERVICE).select(&[("__cimnamespace", "root/default"), ("Name", "Alpha")]);
            assert_eq!(host.refuses(&ask, fault::WBEM_FAILED).subcode(), "w:InternalError");
        }

    /// DMTF's URI of all classes takes queries as Microsoft's does.
    dmtf_names_all_classes: "DSP0227 6.1",
        holds: |host| {
            let all = "http://schemas.dmtf.org/wbem/wscim/1/*";
            let ask = Ask::wql(CIMV2, "SELECT * FROM Win32_Service").with("w:ResourceURI", all).select(&[("__cimnamespace", "root/cimv2")]);
            assert!(host.first(&ask).has("p:Win32_Service"));
        }
        breaks: |host| { host.refuses(&Ask::enumerate("http://schemas.dmtf.org/wbem/wscim/1/*", ""), fault::CANNOT_PROCESS_FILTER); }

    /// Methods are called by DMTF's URI too.
    dmtf_calls_methods: "DSP0227 11",
        holds: |host| {
            let ask = Ask::invoke(&format!("{DMTF}/Win32_Service"), "StopService", "");
            host.accepts(&ask.select(&[("__cimnamespace", "root/cimv2"), ("Name", "Alpha")]));
        }
        breaks: |host| {
            let ask = Ask::invoke(&format!("{DMTF}/Win32_Service"), "StopService", "");
            host.refuses(&ask.select(&[("__cimnamespace", "root/cimv2")]), fault::TOO_FEW_SELECTORS);
        }

    /// A key may itself be a reference, which stands in the selector as an endpoint reference.
    keys_may_be_references: "DSP0226 5.1.2.2, field notes b.2",
        holds: |host| {
            let links = format!("{VIRTUALIZATION}/Msvm_SettingsDefineState");
            let reference = host.first(&references(&links));
            let link = host.accepts(&Ask::get(&links).block("w:SelectorSet", reference.markup("w:SelectorSet")));
            assert_eq!(link.inside("p:ManagedElement"), ["a:Address", "a:ReferenceParameters"]);
        }
        breaks: |host| {
            let links = format!("{VIRTUALIZATION}/Msvm_SettingsDefineState");
            host.refuses(&Ask::get(&links).select(&[("ManagedElement", VM_ID), ("SettingData", "x")]), fault::RESOURCE_NOT_FOUND);
        }
}
