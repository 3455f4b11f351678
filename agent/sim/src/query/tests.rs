//! Queries against a host with one VM.

use super::*;
use crate::fixture::{Fixture, HV, VM};

fn names(text: &str) -> Result<Vec<String>, WmiError> {
    let answer = run(&Fixture::host(), &HV, text)?;
    let shown = |o: &Object| match o.instance.text("ElementName") {
        Ok(Some(name)) => name.to_owned(),
        _ => o.path.class().to_string(),
    };
    Ok(answer.objects.iter().map(shown).collect())
}

fn found(text: &str) -> Vec<String> {
    names(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> WmiCode {
    match names(text) {
        Err(error) => error.code,
        Ok(found) => panic!("{text}: {found:?}"),
    }
}

#[test]
fn the_host_itself_is_no_virtual_machine() {
    assert_eq!(found("SELECT * FROM Msvm_ComputerSystem"), ["HV01", "web01", "db01"]);
    assert_eq!(found("SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER"), ["web01", "db01"]);
    let active =
        "SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND (EnabledState != 0 and EnabledState != 3 and EnabledState != 32769) ";
    assert_eq!(found(active), ["web01"]);
}

#[test]
fn text_compares_without_case_and_numbers_by_value() {
    let vms = "SELECT * FROM Msvm_ComputerSystem WHERE ";
    for (condition, expected) in [
        (format!("Name = '{}'", VM.to_lowercase()), &["web01"][..]),
        ("ElementName LIKE 'WEB%'".into(), &["web01"]),
        ("EnabledState = '2'".into(), &["HV01", "web01"]),
        ("EnabledState >= 2.5".into(), &["db01"]),
        ("2 < EnabledState".into(), &["db01"]),
        ("OnTimeInMilliseconds IS NULL AND ElementName > 'v'".into(), &["web01"]),
        ("OnTimeInMilliseconds = 5".into(), &[]),
        ("NOT (ElementName = 'web01' OR ElementName = 'HV01')".into(), &["db01"]),
        ("__CLASS = 'msvm_computersystem' AND EnabledState = 3".into(), &["db01"]),
        (r"__NAMESPACE = 'root\\virtualization\\v2' AND EnabledState = 3".into(), &["db01"]),
        ("__THIS ISA 'CIM_ComputerSystem' AND EnabledState = 3".into(), &["db01"]),
    ] {
        assert_eq!(found(&format!("{vms}{condition}")), expected, "{condition}");
    }
}

#[test]
fn a_path_is_compared_as_a_path() {
    let by_path = |path: &str| found(&format!("SELECT * FROM Msvm_ComputerSystem WHERE __PATH = '{path}'"));
    let guid = VM.to_lowercase();
    let keys = format!(r#"Msvm_ComputerSystem.Name="{guid}",CreationClassName="Msvm_ComputerSystem""#);
    assert_eq!(by_path(&format!(r"\\\\hv01\\Root\\Virtualization\\V2:{keys}")), ["web01"]);
    assert_eq!(by_path(&format!(r"\\\\OTHER\\root\\virtualization\\v2:{keys}")), Vec::<String>::new());
    assert_eq!(by_path(&keys), ["web01"], "a path without a host is on this one");
    let nested = r#"SELECT * FROM Msvm_ProcessorSettingData WHERE __PATH = '\\\\HV01\\root\\virtualization\\v2:Msvm_ProcessorSettingData.InstanceID="Microsoft:2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001\\\\B637F346\\\\0"'"#;
    assert_eq!(found(nested), ["Msvm_ProcessorSettingData"]);
}

#[test]
fn associators_are_filtered_by_class_and_role() {
    let of = |rest: &str| found(&format!("ASSOCIATORS OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM}'}}{rest}"));
    assert_eq!(of("").len(), 3);
    assert_eq!(
        of(" WHERE AssocClass = Msvm_VirtualSystemSettingDataComponent ResultClass = Msvm_ProcessorSettingData"),
        ["Msvm_ProcessorSettingData"]
    );
    assert_eq!(of(" WHERE Role = PartComponent"), Vec::<String>::new());
    assert_eq!(of(" WHERE ResultRole = ManagedElement"), ["web01"]);
    assert_eq!(of(" WHERE ResultClass = CIM_ResourceAllocationSettingData").len(), 2, "a base class admits its subclasses");
}

#[test]
fn references_are_the_association_instances() {
    let text = format!("REFERENCES OF {{Msvm_VirtualSystemSettingData.InstanceID='Microsoft:{VM}'}} WHERE Role = SettingData");
    let answer = run(&Fixture::host(), &HV, &text).expect("references");
    let [object] = answer.objects.as_slice() else { panic!("one reference") };
    insta::assert_snapshot!(object.path, @r##"root\virtualization\v2:Msvm_SettingsDefineState.ManagedElement="root\\virtualization\\v2:Msvm_ComputerSystem.CreationClassName=\"Msvm_ComputerSystem\",Name=\"2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001\"",SettingData="root\\virtualization\\v2:Msvm_VirtualSystemSettingData.InstanceID=\"Microsoft:2B0E3F7C-0A11-4A3B-9C57-0D0C6E1F0001\"""##);
}

#[test]
fn a_projection_keeps_only_what_was_asked_for() {
    let answer =
        run(&Fixture::host(), &HV, "SELECT elementname, EnabledState FROM Msvm_ComputerSystem WHERE EnabledState = 3").expect("rows");
    assert_eq!(answer.projection.map(|names| names.len()), Some(2));
    assert_eq!(answer.objects[0].instance.properties().count(), 2);
}

#[test]
fn queries_that_mean_nothing_are_refused() {
    for (text, code) in [
        ("SELECT * FROM", WmiCode::InvalidQuery),
        ("SELECT * FROM Msvm_Nonsense", WmiCode::InvalidClass),
        ("SELECT * FROM Msvm_ComputerSystem WHERE Nonsense = 1", WmiCode::InvalidQuery),
        ("SELECT Nonsense FROM Msvm_ComputerSystem", WmiCode::InvalidQuery),
        ("SELECT * FROM Msvm_ComputerSystem WHERE EnabledState = 'running'", WmiCode::InvalidQuery),
        ("SELECT * FROM Msvm_ComputerSystem WHERE __PATH > 'Msvm_ComputerSystem.Name=1'", WmiCode::InvalidQuery),
        ("SELECT * FROM Msvm_StorageAllocationSettingData WHERE HostResource = 'C:'", WmiCode::InvalidQuery),
        ("SELECT * FROM __InstanceCreationEvent WITHIN 1 WHERE TargetInstance ISA 'Msvm_ComputerSystem'", WmiCode::InvalidQuery),
        ("ASSOCIATORS OF {Msvm_ComputerSystem.Name='nobody'}", WmiCode::NotFound),
        (r"ASSOCIATORS OF {\\ELSEWHERE\root\virtualization\v2:Msvm_ComputerSystem.Name='HV01'}", WmiCode::NotFound),
        ("ASSOCIATORS OF {no path} WHERE Role = X", WmiCode::InvalidQuery),
        ("ASSOCIATORS OF {Msvm_ComputerSystem.Name='HV01'} WHERE ClassDefsOnly", WmiCode::ProviderNotCapable),
    ] {
        assert_eq!(refused(text), code, "{text}");
    }
}
