//! What is a statement of WQL, and what is refused.

use wsman::cim::Name;

use super::*;

fn select(text: &str) -> Select {
    match parse(text) {
        Ok(Query::Select(select)) => select,
        other => panic!("{text}: {other:?}"),
    }
}

fn filter(text: &str) -> Condition {
    select(&format!("SELECT * FROM C WHERE {text}")).filter.expect("a filter")
}

fn property(name: &str) -> Property {
    Property(vec![Name::from(name)])
}

#[test]
fn the_queries_that_libvirt_sends_are_read() {
    for text in [
        "SELECT * FROM Win32_ComputerSystemProduct ",
        "SELECT * FROM Msvm_ComputerSystem WHERE Name != __SERVER AND (EnabledState != 0 and EnabledState != 3 and EnabledState != 32769) ",
        "ASSOCIATORS OF {Msvm_ComputerSystem.CreationClassName='Msvm_ComputerSystem',Name='2b0e'} WHERE AssocClass = Msvm_SettingsDefineState ResultClass = Msvm_VirtualSystemSettingData",
        r#"SELECT * FROM Msvm_SyntheticEthernetPortSettingData WHERE __PATH = '\\\\HV01\\root\\virtualization\\v2:Msvm_SyntheticEthernetPortSettingData.InstanceID="Microsoft:A\\\\B"'"#,
        "SELECT * FROM Msvm_ProcessorSettingData WHERE InstanceID LIKE 'Microsoft:Definition%Maximum'",
    ] {
        if let Err(error) = parse(text) {
            panic!("{text}: {error}");
        }
    }
}

#[test]
fn and_binds_tighter_than_or() {
    let Condition::Any(parts) = filter("a = 1 OR b = 2 AND c = 3") else { panic!("an OR at the top") };
    assert!(matches!(parts.as_slice(), [Condition::Compare { .. }, Condition::All(_)]), "{parts:?}");
    assert!(matches!(filter("(a = 1 OR b = 2) AND c = 3"), Condition::All(_)));
    assert!(matches!(filter("NOT a = 1 AND b = 2"), Condition::All(_)), "NOT takes the nearest term only");
}

#[test]
fn constants_of_every_kind_are_read() {
    let constant = |text: &str| match filter(&format!("p = {text}")) {
        Condition::Compare { right: Operand::Literal(literal), .. } => literal,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(constant(r"'a\'b\\c'"), Literal::Text(r"a'b\c".into()));
    assert_eq!(constant(r#""it's""#), Literal::Text("it's".into()));
    assert_eq!(constant("-12"), Literal::Integer(-12));
    assert_eq!(constant("18446744073709551615"), Literal::Integer(18_446_744_073_709_551_615));
    assert_eq!(constant("0x1F"), Literal::Integer(31));
    assert_eq!(constant("1.5e2"), Literal::Real(150.0));
    assert_eq!(constant("TRUE"), Literal::Boolean(true));
    assert_eq!(constant("null"), Literal::Null);
}

#[test]
fn a_backslash_is_plain_text_in_a_pattern_only() {
    let Condition::Like { pattern, .. } = filter(r"p LIKE 'C:\dir\%'") else { panic!("a LIKE") };
    assert!(pattern.matches(r"c:\DIR\file"));
    assert!(parse(r"SELECT * FROM C WHERE p = 'C:\dir'").is_err(), "elsewhere it must be doubled");
}

#[test]
fn null_tests_and_class_tests_are_read() {
    assert_eq!(filter("p IS NULL"), Condition::IsNull(property("p")));
    assert_eq!(filter("p is not null"), Condition::Not(Box::new(Condition::IsNull(property("p")))));
    assert_eq!(filter("TargetInstance ISA 'Msvm_X'"), Condition::Isa { property: property("TargetInstance"), class: "Msvm_X".into() });
}

#[test]
fn an_event_query_is_told_from_a_selection() {
    let text = "SELECT * FROM __InstanceModificationEvent WITHIN 2 WHERE TargetInstance ISA 'Msvm_ComputerSystem' AND TargetInstance.EnabledState = 2";
    let Ok(Query::Event(event)) = parse(text) else { panic!("an event query") };
    assert_eq!(event.within, Some(std::time::Duration::from_secs(2)));
}

#[test]
fn every_clause_of_a_relation_is_read() {
    let text = "associators of {C.K=\"a}b\"} where AssocClass=A ResultClass = R Role=One ResultRole=Two KeysOnly";
    let Ok(Query::Associators(found)) = parse(text) else { panic!("a relation") };
    assert_eq!(found.path, "C.K=\"a}b\"");
    assert_eq!(
        [found.assoc_class, found.result_class, found.role, found.result_role].map(|n| n.expect("given").to_string()),
        ["A", "R", "One", "Two"]
    );
    assert!(found.keys_only);
    assert!(matches!(parse("REFERENCES OF {C.K=1} WHERE ResultClass=R Role=A"), Ok(Query::References(_))));
}

#[test]
fn what_is_not_wql_is_refused_with_its_position() {
    let deep = format!("SELECT * FROM C WHERE {}a = 1{}", "(".repeat(65), ")".repeat(65));
    let long = format!("SELECT * FROM C WHERE a = '{}'", "x".repeat(MAX_TEXT));
    let many = format!("SELECT * FROM C WHERE a = 1{}", " OR a = 1".repeat(1024));
    for (text, position, fault) in [
        ("", 0, "expected SELECT, ASSOCIATORS OF or REFERENCES OF"),
        ("SELECT", 6, "expected * or a property name"),
        ("SELECT * C", 9, "expected FROM"),
        ("SELECT * FROM", 13, "expected a class name"),
        ("SELECT * FROM C WHERE", 21, "expected a property or a value"),
        ("SELECT * FROM C WHERE a", 23, "expected a comparison"),
        ("SELECT * FROM C WHERE a = ", 26, "expected a property or a value"),
        ("SELECT * FROM C WHERE a == 1", 24, "this character has no meaning here"),
        ("SELECT * FROM C WHERE 1 = 1", 27, "a comparison needs a property"),
        ("SELECT * FROM C WHERE a = 'x", 26, "the text is not closed"),
        ("SELECT * FROM C WHERE a LIKE '[ab'", 29, "the pattern has an unclosed or empty set"),
        ("SELECT * FROM C WHERE (a = 1", 28, "expected )"),
        ("SELECT * FROM C; DROP", 15, "this character has no meaning here"),
        ("SELECT * FROM C WHERE a = 1 b", 28, "the statement should end here"),
        ("ASSOCIATORS OF C", 15, "expected an object path in braces"),
        ("ASSOCIATORS OF {C.K=1", 15, "the brace is not closed"),
        ("ASSOCIATORS OF {C.K=1} WHERE", 28, "expected a clause after WHERE"),
        ("ASSOCIATORS OF {C.K=1} WHERE Role=A AND ResultRole=B", 36, "no such clause here"),
        ("REFERENCES OF {C.K=1} WHERE AssocClass=A", 28, "no such clause here"),
        (&deep, 87, "nested too deeply"),
        (&long, MAX_TEXT, "the text is too long"),
        (&many, 9238, "too many conditions"),
    ] {
        let head: String = text.chars().take(60).collect();
        assert_eq!(parse(text), Err(WqlError { position, fault }), "{head}");
    }
}

#[test]
fn patterns_match_as_sql_does_without_case() {
    for (pattern, text, fits) in [
        ("", "", true),
        ("%", "", true),
        ("a%", "ABC", true),
        ("%b%", "abc", true),
        ("%c", "abcd", false),
        ("a_c", "abc", true),
        ("a_c", "ac", false),
        ("[a-c]x", "Bx", true),
        ("[^a-c]x", "bx", false),
        ("[^a-c]x", "dx", true),
        ("[abc]%[0-9]", "b-foo-7", true),
        ("a%b%c", "a--b--b--c", true),
        ("%%a", "bca", true),
        ("Microsoft:Definition%Maximum", r"Microsoft:Definition\B637F346\Maximum", true),
    ] {
        assert_eq!(Like::new(pattern).expect(pattern).matches(text), fits, "{pattern} {text}");
    }
    assert_eq!(Like::new("[]"), None);
}

#[test]
fn a_hostile_pattern_costs_no_more_than_its_length_times_the_text() {
    let pattern = Like::new(&"%a".repeat(200)).expect("a pattern");
    assert!(!pattern.matches(&"a".repeat(199)));
    assert!(!pattern.matches(&format!("{}b", "a".repeat(10_000))));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "(SELECT \\* FROM C WHERE )?[ -~\\\\'\"(){}%é-]{0,80}") {
        if let Err(error) = parse(&text) {
            proptest::prop_assert!(error.position <= text.len());
        }
    }

    #[test]
    fn quoted_text_reads_back(text in ".{0,40}") {
        let quoted = text.replace('\\', r"\\").replace('\'', r"\'");
        let expected = Condition::Compare {
            left: Operand::Property(property("p")),
            comparison: Comparison::Equal,
            right: Operand::Literal(Literal::Text(text)),
        };
        proptest::prop_assert_eq!(filter(&format!("p = '{quoted}'")), expected);
    }
}
