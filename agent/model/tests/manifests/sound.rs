//! What a sound repository becomes.

use std::sync::Arc;

use insta::assert_snapshot;
use trunkline_model::diagnostic::render_all;
use trunkline_model::manifest::DocumentKind;
use trunkline_model::validate::{Assembled, Assembler};

use crate::support::{Files, assemble, base, parse, patched};

#[test]
fn the_base_repository_is_sound() {
    let assembled = assemble(&base());
    assert_eq!(render_all(&assembled.diagnostics), "");
    let names: Vec<&str> = assembled.desired.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["sea-1", "sea-2", "spk-1"]);
    assert!(assembled.complete && assembled.refused.is_empty());
}

#[test]
fn one_wish_in_full() {
    let assembled = assemble(&base());
    let wish = assembled.desired.iter().find(|(name, _)| name.as_str() == "sea-1").unwrap().1;
    insta::assert_snapshot!(serde_json::to_string_pretty(&**wish).unwrap());
}

fn explain(path: &str) -> String {
    let mut assembler = Assembler::new("0.1.0");
    assembler.assemble(parse(&base()));
    assembler.explain(DocumentKind::Appliance, "sea-1", path).map_or_else(|error| error.to_string(), |found| found.to_string())
}

#[test]
fn a_value_is_explained_by_the_line_that_states_it() {
    assert_snapshot!(explain("spec.roles.mediation.memory"), @"
    spec.roles.mediation.memory = 12 GiB
      from Appliance sea-1, sites/seattle/sea-1.yaml:26:15
      26 |       memory: 12 GiB
    ");
    assert_snapshot!(explain("spec.roles.edge.memory"), @"
    spec.roles.edge.memory = 16 GiB
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:44:40
      44 |         edge: { processors: 4, memory: 16 GiB }
    ");
    assert_snapshot!(explain("spec.host"), @r"
    spec.host.address = sea-hv1.contoso.com
      from Appliance sea-1, sites/seattle/sea-1.yaml:10:14
      10 |     address: sea-hv1.contoso.com
    spec.host.addresses.corpnet = 192.168.0.10
      from Appliance sea-1, sites/seattle/sea-1.yaml:12:16
      12 |       corpnet: 192.168.0.10
    spec.host.credential = host-admin
      from Defaults everywhere, defaults.yaml:8:17
      8 |     credential: host-admin
    spec.host.directory = D:\CCE
      from Defaults everywhere, defaults.yaml:9:16
      9 |     directory: D:\CCE
    spec.host.name = SEA-HV1
      from Appliance sea-1, sites/seattle/sea-1.yaml:9:11
      9 |     name: SEA-HV1
    ");
    assert_snapshot!(explain("spec.settings.voice.sipDomains"), @"
    spec.settings.voice.sipDomains = [contoso.com, contoso.net]
      from Defaults everywhere, defaults.yaml:18:19
      18 |       sipDomains: [contoso.com, contoso.net]
    ");
    assert_snapshot!(explain("spec.probeEvery"), @"spec.probeEvery = 60s (built in)");
    assert_snapshot!(explain("spec.site"), @"
    spec.site = seattle
      from Appliance sea-1, sites/seattle/sea-1.yaml:6:9
      6 |   site: seattle
    ");
}

fn explain_other(kind: DocumentKind, name: &str, path: &str) -> String {
    let mut assembler = Assembler::new("0.1.0");
    assembler.assemble(parse(&base()));
    assembler.explain(kind, name, path).map_or_else(|error| error.to_string(), |found| found.to_string())
}

#[test]
fn the_values_of_a_site_are_explained_line_by_line() {
    assert_snapshot!(explain_other(DocumentKind::Site, "seattle", "spec.networks"), @"
    spec.networks.corpnet.dns = [192.168.0.2]
      from Site seattle, sites/seattle/site.yaml:20:12
      20 |       dns: [192.168.0.2]
    spec.networks.corpnet.gateway = 192.168.0.1
      from Site seattle, sites/seattle/site.yaml:19:16
      19 |       gateway: 192.168.0.1
    spec.networks.corpnet.subnet = 192.168.0.0/24
      from Site seattle, sites/seattle/site.yaml:18:15
      18 |       subnet: 192.168.0.0/24
    spec.networks.corpnet.switch = SfB CCE Corpnet Switch
      from Site seattle, sites/seattle/site.yaml:17:15
      17 |       switch: SfB CCE Corpnet Switch
    spec.networks.internet.dns = [192.168.1.2]
      from Site seattle, sites/seattle/site.yaml:25:12
      25 |       dns: [192.168.1.2]
    spec.networks.internet.gateway = 192.168.1.1
      from Site seattle, sites/seattle/site.yaml:24:16
      24 |       gateway: 192.168.1.1
    spec.networks.internet.nat = true
      from Site seattle, sites/seattle/site.yaml:26:12
      26 |       nat: true
    spec.networks.internet.subnet = 192.168.1.0/24
      from Site seattle, sites/seattle/site.yaml:23:15
      23 |       subnet: 192.168.1.0/24
    spec.networks.internet.switch = SfB CCE Internet Switch
      from Site seattle, sites/seattle/site.yaml:22:15
      22 |       switch: SfB CCE Internet Switch
    ");
    assert_snapshot!(explain_other(DocumentKind::Site, "seattle", "spec.settings.gateways"), @"
    spec.settings.gateways.0.address = 10.0.0.5
      from Site seattle, sites/seattle/site.yaml:37:18
      37 |         address: 10.0.0.5
    spec.settings.gateways.0.fqdn = sbc1.gateways.local
      from Site seattle, sites/seattle/site.yaml:36:15
      36 |       - fqdn: sbc1.gateways.local
    spec.settings.gateways.0.port = 5067
      from Site seattle, sites/seattle/site.yaml:38:15
      38 |         port: 5067
    spec.settings.gateways.0.protocol = TLS
      from Site seattle, sites/seattle/site.yaml:39:19
      39 |         protocol: TLS
    spec.settings.gateways.1.address = 10.0.0.6
      from Site seattle, sites/seattle/site.yaml:40:18
      40 |       - address: 10.0.0.6
    spec.settings.gateways.1.port = 5060
      from Site seattle, sites/seattle/site.yaml:41:15
      41 |         port: 5060
    spec.settings.gateways.1.protocol = TCP
      from Site seattle, sites/seattle/site.yaml:42:19
      42 |         protocol: TCP
    ");
}

#[test]
fn the_values_of_releases_and_profiles_are_explained_line_by_line() {
    assert_snapshot!(explain_other(DocumentKind::Release, "cce-2.1", ""), @r#"
    metadata.name = cce-2.1
      from Release cce-2.1, release.yaml:4:9
      4 |   name: cce-2.1
    spec.images.ad.path = D:\images\2.1\ad.vhdx
      from Release cce-2.1, release.yaml:10:13
      10 |       path: D:\images\2.1\ad.vhdx
    spec.images.ad.size = 12 GiB
      from Release cce-2.1, release.yaml:11:13
      11 |       size: 12 GiB
    spec.images.cms.path = D:\images\2.1\cms.vhdx
      from Release cce-2.1, release.yaml:13:13
      13 |       path: D:\images\2.1\cms.vhdx
    spec.images.edge.path = D:\images\2.1\edge.vhdx
      from Release cce-2.1, release.yaml:17:13
      17 |       path: D:\images\2.1\edge.vhdx
    spec.images.mediation.path = D:\images\2.1\mediation.vhdx
      from Release cce-2.1, release.yaml:15:13
      15 |       path: D:\images\2.1\mediation.vhdx
    spec.profile = cloud-connector-2.1
      from Release cce-2.1, release.yaml:6:12
      6 |   profile: cloud-connector-2.1
    spec.version = 2.1
      from Release cce-2.1, release.yaml:7:12
      7 |   version: "2.1"
    "#);
    assert_snapshot!(explain_other(DocumentKind::Profile, "cloud-connector-2.1", "spec.roles.ad"), @"
    spec.roles.ad.adapters.0.gateway = true
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:59:40
      59 |         - { network: corpnet, gateway: true, nameServers: network }
    spec.roles.ad.adapters.0.nameServers = network
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:59:59
      59 |         - { network: corpnet, gateway: true, nameServers: network }
    spec.roles.ad.adapters.0.network = corpnet
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:59:22
      59 |         - { network: corpnet, gateway: true, nameServers: network }
    spec.roles.ad.description = own forest, name server and certificate authority of the appliance
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:57:20
      57 |       description: own forest, name server and certificate authority of the appliance
    spec.roles.ad.holds = false
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:64:14
      64 |       holds: false
    spec.roles.ad.membership.hosts = directory.domain
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:60:28
      60 |       membership: { hosts: directory.domain }
    spec.roles.ad.name = ad
      from Profile cloud-connector-2.1, profile:cloud-connector-2.1:56:13
      56 |     - name: ad
    ");
    assert_snapshot!(explain_other(DocumentKind::Site, "seattle", "spec.netwroks"), @"Site `seattle` has no `spec.netwroks`; did you mean `spec.networks`?");
}

#[test]
fn a_path_that_leads_nowhere_gets_a_suggestion() {
    assert_snapshot!(explain("spec.roles.mediation.memmory"), @"Appliance `sea-1` has no `spec.roles.mediation.memmory`; did you mean `spec.roles.mediation.memory`?");
    let mut assembler = Assembler::new("0.1.0");
    assembler.assemble(parse(&base()));
    let error = assembler.explain(DocumentKind::Appliance, "sea-3", "spec").unwrap_err();
    assert_snapshot!(error, @"there is no Appliance `sea-3`; did you mean `sea-2`?");
}

#[test]
fn each_integration_service_is_said_by_its_nearest_statement_and_the_rest_is_left_alone() {
    let mut files = patched(
        "sites/seattle/sea-1.yaml",
        "    cms:\n",
        "      integrationServices: { timeSync: false, heartbeat: true }\n      bootOrder: [network, disk]\n    cms:\n",
    );
    let defaults = String::from_utf8(files["defaults.yaml"].clone()).unwrap();
    let further = "  roles:\n    ad: { integrationServices: { timeSync: true, backup: false }, bootOrder: [disk] }\n";
    files.insert("defaults.yaml".into(), format!("{defaults}{further}").into_bytes());
    let assembled = assemble(&files);
    assert_eq!(render_all(&assembled.diagnostics), "");
    let said = |name: &str| {
        let wish = assembled.desired.iter().find(|(one, _)| one.as_str() == name).unwrap().1;
        let all = wish.roles.iter().map(|role| (role.role.as_str(), &role.integration_services, &role.boot_order));
        serde_json::to_string(&all.filter(|(_, services, order)| !(services.is_empty() && order.is_empty())).collect::<Vec<_>>()).unwrap()
    };
    assert_snapshot!(said("sea-1"), @r#"[["ad",{"heartbeat":"on","timeSync":"off","backup":"off"},["network","disk"]]]"#);
    assert_snapshot!(said("sea-2"), @r#"[["ad",{"timeSync":"on","backup":"off"},["disk"]]]"#);
    let mut assembler = Assembler::new("0.1.0");
    assembler.assemble(parse(&files));
    let explained = assembler.explain(DocumentKind::Appliance, "sea-1", "spec.roles.ad.integrationServices.timeSync").unwrap().to_string();
    assert_snapshot!(explained, @"
    spec.roles.ad.integrationServices.timeSync = false
      from Appliance sea-1, sites/seattle/sea-1.yaml:18:40
      18 |       integrationServices: { timeSync: false, heartbeat: true }
    ");
}

#[test]
fn assembling_again_gives_the_same_and_keeps_what_did_not_change() {
    let mut assembler = Assembler::new("0.1.0");
    let first = assembler.assemble(parse(&base()));
    let changed = patched("sites/seattle/sea-1.yaml", "memory: 12 GiB", "memory: 14 GiB");
    let second = assembler.assemble(parse(&changed));
    let anew = assemble(&changed);
    assert_eq!(second.desired, anew.desired);
    let kept = |name: &str| {
        let find = |assembled: &Assembled| assembled.desired.iter().find(|(key, _)| key.as_str() == name).unwrap().1.clone();
        Arc::ptr_eq(&find(&first), &find(&second))
    };
    assert!(!kept("sea-1") && kept("sea-2") && kept("spk-1"));
}

#[test]
fn what_an_appliance_states_itself_counts_the_same_whatever_its_neighbours_state() {
    let stating = |file: &str, settings: &str, files: &mut Files| {
        let file = files.get_mut(file).unwrap();
        file.extend(if settings.is_empty() { String::new() } else { format!("  settings: {settings}\n") }.bytes());
    };
    let wish = |own: &str, neighbours: &str| {
        let mut files = base();
        stating("sites/seattle/sea-1.yaml", own, &mut files);
        stating("sites/seattle/sea-2.yaml", neighbours, &mut files);
        let assembled = assemble(&files);
        assert_eq!(render_all(&assembled.diagnostics), "");
        ["sea-1", "sea-2"].map(|name| Arc::clone(&assembled.desired[&name.parse().unwrap()]))
    };
    let [_, plain] = wish("", "");
    let all = ["{ cms: { fileShare: Other } }", "{ cms: { fileShare: CmsFileStore } }", "{ updates: { source: http://wsus.contoso.com } }"];
    for own in all {
        let [alone, _] = wish(own, "");
        for neighbours in all {
            let [first, second] = wish(own, neighbours);
            assert_eq!(first, alone, "{own} beside {neighbours}");
            assert_eq!(Arc::ptr_eq(&first.settings, &second.settings), own == neighbours, "{own} beside {neighbours}");
            let rebuilt = second.roles.iter().zip(&plain.roles).any(|(now, before)| now.spec != before.spec);
            assert_eq!(rebuilt, neighbours == all[0], "{own} beside {neighbours}");
        }
    }
}

#[test]
fn a_change_of_a_shared_document_reaches_everybody_who_uses_it() {
    let mut assembler = Assembler::new("0.1.0");
    assembler.assemble(parse(&base()));
    for (file, from, to) in [
        ("defaults.yaml", "renewBefore: 90d", "renewBefore: 80d"),
        ("release.yaml", "size: 12 GiB", "size: 13 GiB"),
        ("fleet.yaml", "duration: 6h", "duration: 5h"),
        ("sites/seattle/site.yaml", "leader: sea-1", "leader: sea-2"),
    ] {
        let changed = patched(file, from, to);
        let again = assembler.assemble(parse(&changed));
        assert_eq!(again.desired, assemble(&changed).desired, "{file}");
        assert_ne!(again.desired, assemble(&base()).desired, "{file}");
    }
}

#[test]
fn a_faulty_appliance_refuses_its_site_only_and_the_fleet_when_asked() {
    let mut files = patched("sites/seattle/sea-1.yaml", "size: normal", "size: huge");
    let assembled = assemble(&files);
    let names = |assembled: &Assembled| assembled.desired.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&assembled), ["spk-1"]);
    assert_eq!(assembled.refused.len(), 2);
    assert!(!assembled.complete);
    let fleet = String::from_utf8(files["fleet.yaml"].clone()).unwrap().replace("spec:\n", "spec:\n  atomicity: repository\n");
    files.insert("fleet.yaml".into(), fleet.into_bytes());
    assert!(assemble(&files).desired.is_empty());
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_accepted() {
    let files = base().into_iter().map(|(path, bytes)| {
        let text = String::from_utf8(bytes).unwrap().replace('\n', "\r\n");
        (path, format!("\u{feff}{text}").into_bytes())
    });
    let files = files.collect();
    let assembled = assemble(&files);
    assert_eq!(render_all(&assembled.diagnostics), "");
    assert_eq!(assembled.desired, assemble(&base()).desired);
}

#[test]
fn a_profile_of_an_earlier_version_probes_over_its_permanent_management_switch() {
    let mut files = patched("release.yaml", "cloud-connector-2.1", "cloud-connector-1.4.2");
    let text = String::from_utf8(files["release.yaml"].clone()).unwrap().replace("version: \"2.1\"", "version: \"1.4.2\"");
    files.insert("release.yaml".into(), text.into_bytes());
    let assembled = assemble(&files);
    assert_eq!(render_all(&assembled.diagnostics), "");
    let wish = assembled.desired.values().next().unwrap();
    assert_eq!(wish.watch.network.as_str(), "management");
    assert!(!wish.settings.contains_key("trunk.fastFailover"));
}
