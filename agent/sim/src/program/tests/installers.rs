//! Downloads, installers and servicing.

use super::Room;
use crate::windows::software::RestartCause;

const WORLD: &str = r"
apiVersion: trunkline.dev/sim/v1alpha1
kind: World
start: 2026-03-01T02:00:00Z
networks: [{name: lan, subnet: 10.1.0.0/24}]
sources:
  - {url: 'https://files.example.org/agent.msi', content: 'an installer'}
  - {url: 'https://files.example.org/big.vhdx', mib: 3200, image: web, sha256: 'ABCD', cuts: [1000000000]}
  - {url: 'https://files.example.org/whole.bin', mib: 64, ranges: ignored, cuts: [5000000]}
  - {url: 'https://files.example.org/broken', status: 503}
  - {url: 'https://10.9.9.9/x', listener: absent}
packages:
  - {file: agent.msi, kind: product, id: '{12345678-0000-0000-0000-000000000001}', title: Agent, takes: 30s, services: [{name: AgentSvc}]}
  - {file: driver.msi, kind: product, id: '{12345678-0000-0000-0000-000000000002}', title: Driver, restart: needed}
  - {file: bad.msi, kind: product, id: '{12345678-0000-0000-0000-000000000003}', title: Bad, fails: 1603}
  - {file: kb5034123.msu, kind: update, id: KB5034123, title: Cumulative update, restart: needed, appliesTo: '10.0.20348'}
  - {file: kb1.msu, kind: update, id: KB1, title: For another Windows, appliesTo: '10.0.14393'}
images: [{name: web, computerName: WEB01, accounts: [{user: Administrator, password: guest}]}]
hosts:
  - name: hv-1
    computerName: HV01
    accounts: [{user: admin, password: right}]
    nics: [{name: Ethernet, network: lan, addresses: [10.1.0.10/24]}]
    setup: {features: {TelnetClient: disabled, Microsoft-Hyper-V: disabled}}
    files:
      - {path: 'C:\p\driver.msi', content: x}
      - {path: 'C:\p\bad.msi', content: x}
      - {path: 'C:\p\other.msi', content: x}
      - {path: 'C:\p\kb5034123.msu', content: x}
      - {path: 'C:\p\kb1.msu', content: x}
";

fn code(room: &mut Room, line: &str) -> u32 {
    room.run(line).code
}

#[test]
fn a_download_comes_at_its_speed_and_goes_on_where_it_was_cut() {
    let mut room = Room::of(WORLD);
    let begun = room.world.now();
    let line = r"curl.exe -L --fail -sS --retry 2 -C - -o C:\p\big.vhdx https://files.example.org/big.vhdx";
    let cut = room.run(line);
    assert_eq!((cut.code, cut.err.contains("curl: (18)")), (18, true), "{}", cut.err);
    assert_eq!(room.desk().files().unwrap().file(r"C:\p\big.vhdx").map(|file| file.bytes), Some(1_000_000_000));
    assert_eq!(code(&mut room, line), 0);
    assert_eq!(code(&mut room, line), 0, "what is there already is well");
    let took = room.world.now().duration_since(begun).as_secs();
    assert!((30..=36).contains(&took), "3200 MiB at 100 MiB/s: {took}");
    let hash = room.good(r"certutil -hashfile C:\p\big.vhdx SHA256");
    assert!(hash.contains("\r\nabcd\r\n"), "{hash}");
    let disk = room.desk().files().unwrap().file(r"C:\p\big.vhdx").unwrap().disk.clone();
    assert_eq!(disk.and_then(|disk| disk.image), Some("web".to_owned()), "it boots what its source says");
}

#[test]
fn curl_ends_as_curl_does() {
    let mut room = Room::of(WORLD);
    for (line, expected) in [
        (r"curl -fsSL -o C:\p\a.msi https://files.example.org/agent.msi", 0),
        (r"curl -f -o C:\p\n https://files.example.org/none", 22),
        (r"curl -o C:\p\n https://files.example.org/none", 0),
        (r"curl -f --retry 3 --retry-delay 2 -o C:\p\n https://files.example.org/broken", 22),
        (r"curl -o C:\p\n https://nowhere.example.org/x", 6),
        (r"curl -o C:\p\n https://10.9.9.9/x", 7),
        (r"curl -o C:\none\n https://files.example.org/agent.msi", 23),
        (r"curl -sS -o C:\p\w https://files.example.org/whole.bin", 18),
        (r"curl -sS -C - -o C:\p\w https://files.example.org/whole.bin", 33),
        (r"curl --nonsense", 2),
        (r"curl", 2),
    ] {
        assert_eq!(code(&mut room, line), expected, "{line}");
    }
    assert_eq!(room.good(r"curl -s https://files.example.org/agent.msi"), "an installer");
    let hash = room.good(r"certutil -hashfile C:\p\a.msi SHA256");
    assert!(hash.contains("6e5a6b4b") || hash.lines().nth(1).is_some_and(|line| line.trim().len() == 64), "{hash}");
}

#[test]
fn a_restart_loses_no_more_of_a_download_than_its_last_step() {
    let mut room = Room::of(WORLD);
    let shell = room.shell().id;
    let line = r"cmd /c curl -s -C - -o C:\p\big.vhdx https://files.example.org/big.vhdx";
    room.desk().start_command(super::USER, &shell, line).unwrap();
    room.pass(6);
    let host = crate::world::HostName::new("hv-1");
    room.world.apply(crate::world::Fault::HostRestart { host }).unwrap();
    room.pass(600);
    let have = room.desk().files().unwrap().file(r"C:\p\big.vhdx").map(|file| file.bytes).unwrap();
    assert!((500 << 20..=600 << 20).contains(&have), "{have}");
}

#[test]
fn installers_end_as_windows_installer_says_and_leave_what_they_bring() {
    let mut room = Room::of(WORLD);
    room.good(r"curl -s -o C:\p\agent.msi https://files.example.org/agent.msi");
    let other = room.shell().id;
    let busy = room.desk().start_command(super::USER, &other, r"cmd /c msiexec /i C:\p\agent.msi /qn").unwrap();
    assert_eq!(code(&mut room, r"msiexec /i C:\p\driver.msi /qn"), 1618);
    assert!(room.desk().windows().unwrap().service("AgentSvc").is_none(), "not before its end");
    room.pass(31);
    let taken = room.desk().take_output(super::USER, &other, &busy, (&[], 1000)).unwrap().unwrap();
    assert_eq!(taken.exit, Some(0));
    assert!(room.desk().windows().unwrap().service("AgentSvc").is_some());
    for (line, expected) in [
        (r"msiexec /i C:\p\driver.msi /qn /norestart /l*v C:\p\log.txt", 3010),
        (r"msiexec /i C:\p\bad.msi /qn", 1603),
        (r"msiexec /i C:\p\none.msi /qn", 1619),
        (r"msiexec /i C:\p\other.msi /qn", 1620),
        (r"msiexec /x {12345678-0000-0000-0000-000000000001} /qn", 0),
        (r"msiexec /x {12345678-0000-0000-0000-000000000001} /qn", 1605),
    ] {
        assert_eq!(code(&mut room, line), expected, "{line}");
    }
    assert!(room.desk().windows().unwrap().service("AgentSvc").is_none());
    let causes: Vec<_> = room.desk().windows().unwrap().software.awaits_restart().collect();
    assert_eq!(causes, [RestartCause::Installer]);
    assert!(room.desk().files().unwrap().file(r"C:\p\log.txt").is_some());
    let booted = room.desk().windows().unwrap().last_boot;
    assert_eq!(code(&mut room, r"msiexec /i C:\p\driver.msi /qn"), 1641);
    room.pass(600);
    let windows = room.desk();
    let windows = windows.windows().unwrap();
    assert!(windows.last_boot > booted && windows.software.awaits_restart().next().is_none());
}

#[test]
fn updates_and_features_end_as_their_programs_say() {
    let mut room = Room::of(WORLD);
    for (line, expected) in [
        (r"wusa C:\p\kb5034123.msu /quiet /norestart", 3010),
        (r"wusa C:\p\kb5034123.msu /quiet /norestart", 2_359_302),
        (r"wusa C:\p\kb1.msu /quiet /norestart", 0x8024_0017),
        (r"wusa C:\p\none.msu /quiet", 0x8007_0002),
        (r"wusa /uninstall /kb:99 /quiet", 2_359_303),
        (r"dism /online /enable-feature /featurename:TelnetClient /norestart", 0),
        (r"dism /online /enable-feature /featurename:Microsoft-Hyper-V /all /norestart", 3010),
        (r"dism /online /enable-feature /featurename:Nonsense", 0x800F_080C),
        (r"dism /online /nonsense", 87),
        (r"dism /online /add-package /packagepath:C:\p\none.cab", 2),
    ] {
        assert_eq!(code(&mut room, line), expected, "{line}");
    }
    let features = room.good("dism /online /get-features");
    assert!(
        features.contains("Feature Name : TelnetClient\r\nState : Enabled") && features.contains("State : Enable Pending"),
        "{features}"
    );
}
