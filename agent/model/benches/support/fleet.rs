//! A fleet of 10,000 appliances in 10,000 files, as text: what the benchmarks of `model` and of the command line read.
//!
//! Guarantees: sound (no diagnostic), and the same bytes every time. Deliberately absent: files on a disk.

use std::fmt::Write as _;

const SITES: usize = 625;
const PER_SITE: usize = 16;

fn head(kind: &str, name: &str) -> String {
    format!("apiVersion: trunkline.dev/v1alpha1\nkind: {kind}\nmetadata:\n  name: {name}\n")
}

/// Paths and texts: a profile, a release and a repository, then each site with its appliances.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    let profile = include_str!("../../profiles/cloud-connector-2.1.yaml")
        .replace("name: cloud-connector-2.1", "name: many-sites")
        .replace("sites: 200", "sites: 100000")
        .replace("acrossSites: unique", "change: drain # unique")
        .replace("      change: drain # unique\n      change:", "      change:");
    let release = head("Release", "r1")
        + "spec:\n  profile: many-sites\n  version: \"2.1\"\n  images:\n    ad: { path: D:\\i\\ad.vhdx }\n    cms: { path: D:\\i\\cms.vhdx }\n    mediation: { path: D:\\i\\ms.vhdx }\n    edge: { path: D:\\i\\edge.vhdx }\n";
    let fleet = head("Repository", "bench")
        + "spec:\n  windows:\n    nights:\n      every: day\n      start: \"22:00\"\n      duration: 6h\n      zone: America/Los_Angeles\n";
    let mut files: Vec<(String, String)> =
        vec![("profile.yaml".into(), profile), ("release.yaml".into(), release), ("fleet.yaml".into(), fleet)];
    for site in 0..SITES {
        files.push((format!("sites/s{site:03}/site.yaml"), site_text(site)));
        for appliance in 0..PER_SITE {
            files.push((format!("sites/s{site:03}/a{appliance:02}.yaml"), appliance_text(site, appliance)));
        }
    }
    files
}

fn site_text(site: usize) -> String {
    head("Site", &format!("s{site:03}"))
        + &format!(
            "spec:\n  directory: \\\\files\\cce\\s{site:03}\n  windows: [nights]\n  release: r1\n  settings:\n    voice:\n      sipDomains: [contoso.com]\n    directory:\n      domain: vdomain.local\n    pools:\n      mediation: mspool\n      edge: edgepool\n    edge:\n      accessName: access{site}\n      mediaRelayName: mr{site}\n    gateways:\n      - address: 172.16.0.5\n        port: 5060\n        protocol: TCP\n    certificates:\n      external:\n        edge: D:\\certs\\edge.pfx\n"
        )
}

fn appliance_text(site: usize, appliance: usize) -> String {
    let (a, b) = (10 + site / 256, site % 256);
    let mut text = head("Appliance", &format!("s{site:03}-a{appliance:02}"));
    let _ = write!(
        text,
        "  labels:\n    region: us-west\n    tier: gold\n  annotations:\n    owner: voice operations\n    rack: rack {site}\nspec:\n  site: s{site:03}\n  size: normal\n  mode: converge\n  prune: false\n  probeEvery: 60s\n  confirm: 10s\n  repairGrace: 5s\n  stableFor: 60s\n  failClosed:\n    onLastServing: callPathOnly\n  install:\n    attempts: 3\n  recovery:\n    firstWait: 10s\n    longestWait: 1h\n    serviceRestarts: 3\n  drain:\n    mode: graceful\n    timeout: 30m\n    onTimeout: abort\n  windows:\n    - nights\n  host:\n    name: h{site:03}{appliance:02}\n    address: h{site:03}-{appliance:02}.contoso.com\n    port: 5986\n    scheme: https\n    place: on-host\n    credential: host-admin\n    directory: D:\\CCE\n    addresses:\n      corpnet: {a}.{b}.0.{}\n  guests:\n    credential: vm-admin\n    joinCredential: domain-admin\n  networks:\n    corpnet:\n      switch: SfB CCE Corpnet Switch\n      subnet: {a}.{b}.0.0/24\n      gateway: {a}.{b}.0.1\n      dns:\n        - {a}.{b}.0.2\n        - {a}.{b}.0.3\n    internet:\n      switch: SfB CCE Internet Switch\n      subnet: {a}.{b}.1.0/24\n      gateway: {a}.{b}.1.1\n      dns:\n        - {a}.{b}.1.2\n      nat: true\n    management:\n      switch: SfB CCE Management Switch\n      subnet: 192.168.213.0/24\n  certificates:\n    ca:\n      lifetime: 5y\n      renewBefore: 180d\n    internal:\n      lifetime: 2y\n      renewBefore: 60d\n    external:\n      renewBefore: 30d\n  settings:\n    location:\n      country: US\n      state: WA\n      city: Seattle\n    updates:\n      source: http://wsus.contoso.com\n      status: http://wsus.contoso.com\n    cms:\n      fileShare: CmsFileStore\n  roles:\n",
        10 + appliance
    );
    for (index, role) in ["ad", "cms", "mediation", "edge"].iter().enumerate() {
        let host = 40 + appliance * 8 + index;
        let _ = write!(
            text,
            "    {role}:\n      name: s{site:03}a{appliance:02}r{index}\n      processors: 4\n      memory: 16 GiB\n      image:\n        path: D:\\images\\2.1\\{role}.vhdx\n        size: 12 GiB\n      startAction: alwaysStart\n      stopAction: shutDown\n      addresses:\n        corpnet: {a}.{b}.0.{host}\n"
        );
    }
    let _ = write!(
        text,
        "        internet: {a}.{b}.1.{}\n        mediaRelay: {a}.{b}.1.{}\n        public: 203.{}.{b}.{appliance}\n",
        40 + appliance,
        80 + appliance,
        a
    );
    text
}
