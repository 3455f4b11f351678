//! Requests, authorities and stores, with real certificates.

use super::Room;
use crate::windows::certificate_store::StoreName;

const WORLD: &str = r#"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
start: 2026-03-01T02:00:00Z
networks: [{name: lan, subnet: 10.1.0.0/24}]
authorities:
  - {name: Corp-CA, computer: CA01, validDays: 365}
  - {name: Slow-CA, computer: CA01, policy: hold}
  - {name: No-CA, computer: CA01, policy: deny}
hosts:
  - name: hv-1
    computerName: HV01
    accounts: [{user: admin, password: right}]
    nics: [{name: Ethernet, network: lan, addresses: [10.1.0.10/24]}]
    files:
      - path: 'C:\c\edge.inf'
        content: |
          [NewRequest]
          Subject = "CN=edge.example.org, O=Us"
          MachineKeySet = TRUE
          Exportable = TRUE
          KeyLength = 2048
          FriendlyName = edge
          [Extensions]
          2.5.29.17 = "{text}"
          _continue_ = "dns=edge.example.org&"
          _continue_ = "dns=sip.example.org"
          [EnhancedKeyUsageExtension]
          OID = 1.3.6.1.5.5.7.3.1
  - name: hv-2
    computerName: CA01
    accounts: [{user: admin, password: right}]
    nics: [{name: Ethernet, network: lan, addresses: [10.1.0.11/24]}]
    services: [{name: CertSvc}]
"#;

#[test]
fn a_request_becomes_a_certificate_with_its_key() {
    let mut room = Room::of(WORLD);
    assert!(room.good(r"certreq -new -machine C:\c\edge.inf C:\c\edge.req").contains("Request Created"));
    assert_eq!(room.run(r"certreq -accept -machine C:\c\edge.req").code, 0x8007_000D, "a request is no certificate");
    let issued = room.good(r#"certreq -submit -config "CA01.example.org\Corp-CA" C:\c\edge.req C:\c\edge.cer"#);
    assert!(issued.contains("RequestId: 1") && issued.contains("Certificate retrieved(Issued)"), "{issued}");
    let installed = room.good(r"certreq -accept -machine C:\c\edge.cer");
    assert!(installed.contains("Subject: CN=edge.example.org, O=Us"), "{installed}");
    let now = room.world.now();
    let desk = room.desk();
    let stores = &desk.windows().unwrap().certificates;
    let (thumbprint, certificate) = stores.of(StoreName::My).next().unwrap();
    let facts = certificate.facts().unwrap();
    assert_eq!((certificate.friendly_name.as_deref(), facts.issuer.as_str()), (Some("edge"), "CN=Corp-CA"));
    assert!(certificate.key.as_ref().is_some_and(|key| ring::rsa::KeyPair::from_pkcs8(&key.pkcs8).is_ok()));
    assert!(facts.not_before < now && facts.not_after.duration_since(now).as_hours() / 24 == 364);
    assert_eq!(stores.of(StoreName::Request).count(), 0, "the request's place is free again");
    let thumbprint = thumbprint.to_owned();
    drop(desk);
    assert!(room.good("certutil -store My").contains(&thumbprint.to_lowercase()));
    assert_eq!(room.run(r"certreq -accept -machine C:\c\edge.cer").code, 0x8009_2004, "its key was taken");
}

#[test]
fn authorities_hold_deny_and_are_away() {
    let mut room = Room::of(WORLD);
    room.good(r"certreq -new -machine C:\c\edge.inf C:\c\edge.req");
    let held = room.good(r"certreq -submit -config CA01\Slow-CA C:\c\edge.req C:\c\h.cer");
    assert!(held.contains("Taken Under Submission"), "{held}");
    assert!(room.good(r"certreq -retrieve -config CA01\Slow-CA 1 C:\c\h.cer").contains("pending"));
    assert_eq!(room.run(r"certreq -submit -config CA01\No-CA C:\c\edge.req C:\c\d.cer").code, 0x8009_4012);
    assert_eq!(room.run(r"certreq -submit -config CA02\Corp-CA C:\c\edge.req C:\c\d.cer").code, 0x8007_06BA);
    let host = crate::world::HostName::new("hv-2");
    room.world.apply(crate::world::Fault::HostRestart { host }).unwrap();
    assert_eq!(room.run(r"certreq -submit -config CA01\Corp-CA C:\c\edge.req C:\c\d.cer").code, 0x8007_06BA, "its machine is down");
    room.pass(600);
    assert_eq!(room.run(r"certreq -submit -config CA01\Corp-CA C:\c\edge.req C:\c\d.cer").code, 0);
}

#[test]
fn stores_are_added_to_taken_from_and_moved_in_files() {
    let mut room = Room::of(WORLD);
    room.good(r"certutil -config CA01\Corp-CA -ca.cert C:\c\root.cer");
    assert!(room.good(r"certutil -addstore Root C:\c\root.cer").contains("added to store"));
    assert!(room.good(r"certutil -addstore Root C:\c\root.cer").contains("already in store"));
    assert!(room.good(r"certutil -store Root Corp-CA").contains("Root Certificate"));
    room.good(r"certreq -new -machine C:\c\edge.inf C:\c\edge.req");
    room.good(r"certreq -submit -config CA01\Corp-CA C:\c\edge.req C:\c\edge.cer");
    room.good(r"certreq -accept -machine C:\c\edge.cer");
    room.good(r"certutil -p secret -exportpfx My edge.example.org C:\c\edge.pfx");
    room.good(r"certutil -delstore My edge.example.org");
    assert_eq!(room.run("certutil -store My edge.example.org").code, 0x8009_2004);
    assert_eq!(room.run(r"certutil -p wrong -importpfx C:\c\edge.pfx").code, 0x8007_0056);
    room.good(r"certutil -f -p secret -importpfx C:\c\edge.pfx NoExport");
    let desk = room.desk();
    let (_, certificate) = desk.windows().unwrap().certificates.of(StoreName::My).next().unwrap();
    assert!(certificate.key.as_ref().is_some_and(|key| !key.exportable));
    drop(desk);
    assert_eq!(room.run(r"certutil -p secret -exportpfx My edge.example.org C:\c\again.pfx").code, 0x8009_000B);
    room.good(r"certutil -encode C:\c\edge.pfx C:\c\edge.txt && certutil -decode C:\c\edge.txt C:\c\back.pfx");
    let hash = |room: &mut Room, file: &str| room.good(&format!("certutil -hashfile {file} SHA256")).lines().nth(1).unwrap().to_owned();
    assert_eq!(hash(&mut room, r"C:\c\edge.pfx"), hash(&mut room, r"C:\c\back.pfx"));
}
