//! What every fault of the table means to somebody who must decide what to do next.

use std::collections::BTreeMap;

use super::*;

fn rows() -> impl Iterator<Item = (u32, &'static str, bool)> {
    include_str!("../../schema/faults.txt").lines().filter(|line| !line.starts_with('#')).map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        (words[0].parse().expect("a code"), words[1], words[2] != "-")
    })
}

#[test]
fn every_code_with_a_form_of_its_own_has_a_meaning() {
    let other: Vec<_> = rows().filter(|(code, _, has_form)| *has_form && Fault::service(*code, "x").kind() == FaultKind::Other).collect();
    assert_eq!(other, [], "these mean nothing");
}

#[test]
fn the_code_alone_says_as_much_as_the_subcode_alone() {
    for (code, name, _) in rows().filter(|(_, _, has_form)| *has_form) {
        let whole = Fault::service(code, "x");
        let bare = Fault { subcode: None, detail: None, ..whole.clone() };
        assert_eq!(bare.kind(), whole.kind(), "{name}");
    }
}

#[tokio::test]
async fn a_part_where_the_whole_was_asked_for_is_refused() {
    let host = host(|_, request| {
        let fragment = "<w:XmlFragment><ElementName>vm1</ElementName></w:XmlFragment>";
        let head =
            Envelope { header: request.header.answer(None), body: Response::Empty }.encode(&Naming::Microsoft(Namespace::VIRTUALIZATION));
        Reply::Http(200, head.replace("<s:Body>", &format!("<s:Body>{fragment}")).into_bytes())
    });
    let client = client(&host);
    for error in [client.get(&path(1)).await.expect_err("no instance"), client.put(&path(1), &vm(1)).await.expect_err("no instance")] {
        assert!(matches!(error, Error::BadAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn what_a_fault_asks_for_depends_on_its_kind() {
    let mut asks: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let codes = [
        5,
        2_150_858_752,
        2_150_858_770,
        2_150_858_771,
        2_150_858_772,
        2_150_858_778,
        2_150_858_779,
        2_150_858_793,
        2_150_858_802,
        2_150_858_805,
        2_150_858_808,
        2_150_858_811,
        2_150_858_813,
        2_150_858_815,
        2_150_858_817,
        2_150_858_818,
        2_150_858_824,
        2_150_858_842,
        2_150_858_843,
        2_150_859_002,
        2_150_859_003,
        2_150_859_173,
        2_150_859_174,
        2_150_859_240,
    ];
    for code in codes {
        let host = host(move |_, request| answer(request, Response::Fault(Box::new(Fault::service(code, "no")))));
        let error = client(&host).invoke(&path(1), "RequestStateChange", &[]).await.expect_err("a fault");
        let kind = error.fault().expect("a fault").kind();
        let unknown = if error.outcome_unknown() { ", may be done" } else { "" };
        asks.entry(format!("{:?}{unknown}", error.disposition())).or_default().push(format!("{code} {kind:?}"));
    }
    let text: Vec<String> = asks.iter().map(|(ask, kinds)| format!("{ask}: {}", kinds.join(", "))).collect();
    insta::assert_snapshot!(text.join("\n"), @r"
    Retry: 2150858752 NotFound, 2150858779 InvalidEnumerationContext, 2150858802 Concurrency, 2150858815 QuotaLimit, 2150859173 QuotaLimit, 2150859174 QuotaLimit, 2150859240 QuotaLimit
    Retry, may be done: 2150858793 TimedOut
    Stall: 5 AccessDenied, 2150858770 InvalidResource, 2150858771 ActionNotSupported, 2150858778 InvalidQuery, 2150858805 TooLarge, 2150858808 InvalidBookmark, 2150858811 InvalidResource, 2150858813 InvalidSelectors, 2150858817 InvalidParameter, 2150858818 UnsupportedFeature, 2150858842 InvalidSelectors, 2150858843 InvalidSelectors, 2150859002 InvalidSelectors, 2150859003 InvalidQuery
    Stall, may be done: 2150858824 TooLarge
    Wait: 2150858772 Unavailable
    ");
}

#[test]
fn the_number_of_wmi_says_more_than_that_of_the_service() {
    let fault = Fault { wmi: Some(0x8004_1010), ..Fault::service(1359, "internal") };
    assert_eq!((fault.kind(), fault.number()), (FaultKind::InvalidClass, Some(0x8004_1010)));
    let unknown = Fault { wmi: Some(0x8004_9999), ..Fault::service(2_150_858_815, "quota") };
    assert_eq!(unknown.kind(), FaultKind::QuotaLimit, "a number that nobody knows leaves it to the next");
}
