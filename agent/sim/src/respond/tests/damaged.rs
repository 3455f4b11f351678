//! Requests that were torn or bent on their way.

use super::*;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// A request that was torn, or had a byte changed, is answered or refused; nothing else happens.
    #[test]
    fn a_damaged_request_is_answered_or_refused(which in 0..4_usize, at in 0.0..1.0_f64, replacement in "[ -~]{0,3}") {
        let service = "Msvm_VirtualSystemManagementService";
        let whole = match which {
            0 => Ask::wql("SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND ElementName LIKE 'w%'").text(),
            1 => Ask::transfer("Get", &format!("{MS}/Msvm_ComputerSystem"), "").select(&vm_selectors()).text(),
            2 => Ask::invoke(service, "DestroySystem", &reference(&format!("{MS}/Msvm_ComputerSystem"))).select(&[("CreationClassName", service)]).text(),
            _ => Ask::wql("ASSOCIATORS OF {Msvm_ComputerSystem.Name='HV01'} WHERE ResultClass = CIM_SettingData").text(),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place in a short text")]
        let cut = (at * whole.len() as f64) as usize;
        let mut bench = Bench::new();
        for damaged in [whole[..cut].to_owned(), format!("{}{replacement}{}", &whole[..cut], &whole[(cut + 1).min(whole.len())..])] {
            let reply = bench.ask(&damaged);
            proptest::prop_assert!([200, 400, 500].contains(&reply.status));
            proptest::prop_assert!(reply.body.starts_with("<s:Envelope") && reply.body.ends_with("</s:Envelope>"));
        }
    }
}
