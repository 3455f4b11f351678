//! HTTP around the envelopes, and Identify.

use super::bench::{Ask, Host, SERVICE, fault};

const SOAP: &str = "Content-Type: application/soap+xml;charset=UTF-8\r\n";
const UTF_16: &str = "Content-Type: application/soap+xml;charset=UTF-16\r\n";

fn login(rest: &str) -> String {
    format!("Authorization: Basic dHJ1bmtsaW5lOnJpZ2h0\r\n{rest}")
}

/// An envelope in UTF-16, with the mark at its beginning that says which.
fn utf_16(text: &str) -> Vec<u8> {
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

rules! {
    on Host;

    /// The service is at `/wsman`; elsewhere is nothing.
    the_service_is_at_wsman: "MS-WSMV 2.1",
        holds: |host| { host.serves("/wsman/", &login(SOAP), Ask::get_alpha().text().as_bytes()); }
        breaks: |host| {
            for path in ["/", "/wsmans", "/wsman/more", "/powershell"] {
                host.turns_away(path, &login(SOAP), Ask::get_alpha().text().as_bytes(), 404);
            }
        }

    /// Who does not say who he is gets 401, no envelope, and the schemes that are offered.
    strangers_are_challenged: "MS-WSMV 3.1.4.1.28, RFC 9110 11.6.1",
        holds: |host| { host.serves("/wsman", &login(SOAP), Ask::get_alpha().text().as_bytes()); }
        breaks: |host| {
            let challenge = host.turns_away("/wsman", SOAP, Ask::get_alpha().text().as_bytes(), 401);
            assert!(challenge.head.contains("www-authenticate: basic realm="), "{}", challenge.head);
            assert!(!challenge.text.contains("Envelope"), "{}", challenge.text);
        }

    /// A wrong password is challenged again, and nothing is carried out.
    wrong_passwords_are_challenged: "RFC 9110 11.6.1",
        holds: |host| { host.serves("/wsman", &login(SOAP), Ask::get_alpha().text().as_bytes()); }
        breaks: |host| {
            let stop = Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")]).text();
            for wrong in ["dHJ1bmtsaW5lOndyb25n", "bm9ib2R5OnJpZ2h0", "%%%", ""] {
                host.turns_away("/wsman", &format!("Authorization: Basic {wrong}\r\n{SOAP}"), stop.as_bytes(), 401);
            }
            assert!(host.sim.mutations().is_empty());
        }

    /// An envelope is `application/soap+xml`.
    envelopes_have_their_media_type: "DSP0226 13.1, RFC 3902",
        holds: |host| {
            let answer = host.serves("/wsman", &login(SOAP), Ask::get_alpha().text().as_bytes());
            assert!(answer.head.contains("content-type: application/soap+xml;charset=utf-8"), "{}", answer.head);
        }
        breaks: |host| {
            for kind in ["text/xml", "application/xml", "text/plain; charset=UTF-8", ""] {
                host.turns_away("/wsman", &login(&format!("Content-Type: {kind}\r\n")), Ask::get_alpha().text().as_bytes(), 415);
            }
        }

    /// An envelope without a charset is UTF-8.
    envelopes_are_utf_8: "DSP0226 13.1",
        holds: |host| {
            let plain = login("Content-Type: application/soap+xml\r\n");
            host.serves("/wsman", &plain, Ask::get_alpha().with("a:MessageID", "ünï").text().as_bytes());
        }
        breaks: |host| { host.turns_away("/wsman", &login(SOAP), b"<s:Envelope>\xff\xfe</s:Envelope>", 400); }

    /// An envelope may be UTF-16, and is then answered in UTF-16.
    envelopes_may_be_utf_16: "DSP0226 13.1",
        holds: |host| {
            let answer = host.serves("/wsman", &login(UTF_16), &utf_16(&Ask::get_alpha().text()));
            assert!(answer.head.contains("charset=utf-16"), "{}", answer.head);
            assert_eq!(answer.of("p:Name"), "Alpha");
        }
        breaks: |host| {
            let octets = utf_16(&Ask::get_alpha().text());
            host.turns_away("/wsman", &login(UTF_16), &octets[..octets.len() - 1], 400);
            host.turns_away("/wsman", &login(SOAP), &octets, 400);
        }

    /// Another charset is a media type that is not taken.
    other_charsets_are_refused: "DSP0226 13.1, RFC 9110 15.5.16",
        holds: |host| {
            let quoted = login("Content-Type: application/soap+xml; charset=\"utf-8\"\r\n");
            host.serves("/wsman", &quoted, Ask::get_alpha().text().as_bytes());
        }
        breaks: |host| {
            let latin = login("Content-Type: application/soap+xml;charset=ISO-8859-1\r\n");
            host.turns_away("/wsman", &latin, Ask::get_alpha().text().as_bytes(), 415);
        }

    /// A request larger than the service reads gets 413 and is not looked at.
    large_requests_are_turned_away: "MS-WSMV 3.1.4.1.20",
        holds: |host| {
            let roomy = Ask::get_alpha().block("z:Odd", &format!("<z:Odd xmlns:z=\"urn:z\">{}</z:Odd>", "x".repeat(400 * 1024)));
            host.serves("/wsman", &login(SOAP), roomy.text().as_bytes());
        }
        breaks: |host| {
            let large = Ask::get_alpha().block("z:Odd", &format!("<z:Odd xmlns:z=\"urn:z\">{}</z:Odd>", "x".repeat(512 * 1024)));
            let answer = host.turns_away("/wsman", &login(SOAP), large.text().as_bytes(), 413);
            assert!(!answer.text.contains("Envelope"), "{}", answer.text);
        }

    /// A connection serves one request after the other.
    connections_are_kept: "RFC 9112 9.3",
        holds: |host| {
            for _ in 0..50 {
                host.accepts(&Ask::get_alpha());
            }
        }
        breaks: |host| {
            host.refuses(&Ask::get(SERVICE), fault::TOO_FEW_SELECTORS);
            host.accepts(&Ask::get_alpha());
            host.turns_away("/elsewhere", &login(SOAP), b"", 404);
            host.accepts(&Ask::get_alpha());
        }

    /// Identify tells a user protocol, vendor and version.
    identify_tells_who_is_there: "DSP0226 11, MS-WSMV <71>",
        shows: |host| { host.accepts(&Ask::identify()) }
        reads: |answer| {
            assert_eq!(answer.of("wsmid:ProtocolVersion"), "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd");
            assert_eq!(answer.of("wsmid:ProductVendor"), "Microsoft Corporation");
            assert_eq!(answer.of("wsmid:ProductVersion"), "OS: 10.0.14393 SP: 0.0 Stack: 3.0");
        }
        spoils: |answer| { [answer.with("OS: 10.0.14393", "OS: 0.0.0"), answer.lacking("wsmid:ProductVendor"), answer.with("wsman/1/wsman.xsd</", "wsman/2/wsman.xsd</")] }

    /// Identify needs no header, and has none in its answer.
    identify_needs_no_header: "DSP0226 11",
        shows: |host| { host.accepts(&Ask::identify()) }
        reads: |answer| { assert!(answer.inside("s:Header").is_empty() && answer.inside("s:Body") == ["wsmid:IdentifyResponse"]); }
        spoils: |answer| { [answer.with("<s:Header>", "<s:Header><a:MessageID>uuid:1</a:MessageID>"), answer.with_each("IdentifyResponse", "Identify")] }

    /// Identify lists the security profiles for a user, each scheme for both transports.
    identify_lists_security_profiles: "MS-WSMV 3.1.4.1.23",
        shows: |host| { host.accepts(&Ask::identify()) }
        reads: |answer| {
            let profiles = answer.all("wsmid:SecurityProfileName");
            let short: Vec<&str> = profiles.iter().filter_map(|profile| profile.split("secprofile/").nth(1)).collect();
            for wanted in ["http/basic", "https/basic", "http/spnego-kerberos", "https/spnego-kerberos"] {
                assert!(short.contains(&wanted), "{short:?}");
            }
        }
        spoils: |answer| { [answer.with("secprofile/http/basic", "http/basic"), answer.with("secprofile/https/spnego-kerberos", "secprofile/https/kerberos")] }

    /// Identify may be asked without a password by who says so, and then tells no version and no profiles.
    identify_tells_strangers_less: "MS-WSMV 3.1.4.1.23, <72>",
        shows: |host| {
            let head = format!("WSMANIDENTIFY: unauthenticated\r\n{SOAP}");
            host.serves("/wsman", &head, Ask::identify().text().as_bytes())
        }
        reads: |answer| { assert_eq!((answer.of("wsmid:ProductVersion").as_str(), answer.has("wsmid:SecurityProfiles")), ("OS: 0.0.0 SP: 0.0 Stack: 3.0", false)); }
        spoils: |answer| { [answer.with("OS: 0.0.0", "OS: 10.0.14393"), answer.with("</wsmid:ProductVersion>", "</wsmid:ProductVersion><wsmid:SecurityProfiles/>")] }

    /// Who does not say so is asked for a password, even for Identify.
    identify_asks_for_a_password: "MS-WSMV 3.1.4.1.23",
        holds: |host| { host.accepts(&Ask::identify()); }
        breaks: |host| {
            for head in [SOAP.to_owned(), format!("WSMANIDENTIFY: authenticated\r\n{SOAP}")] {
                host.turns_away("/wsman", &head, Ask::identify().text().as_bytes(), 401);
            }
        }

    /// Identify has an address of its own for who has no password.
    identify_has_its_own_address: "field notes b.9",
        holds: |host| {
            let answer = host.serves("/wsman-anon/identify", SOAP, Ask::identify().text().as_bytes());
            assert_eq!(answer.of("wsmid:ProductVersion"), "OS: 0.0.0 SP: 0.0 Stack: 3.0");
        }
        breaks: |host| { host.turns_away("/wsman-anon", SOAP, Ask::identify().text().as_bytes(), 404); }

    /// Without a password nothing but Identify is answered.
    strangers_may_only_identify: "MS-WSMV 3.1.4.1.23",
        holds: |host| { host.serves("/wsman-anon/identify", SOAP, Ask::identify().text().as_bytes()); }
        breaks: |host| {
            for ask in [Ask::get_alpha(), Ask::enumerate(SERVICE, ""), Ask::invoke(SERVICE, "StopService", "").select(&[("Name", "Alpha")])] {
                let refusal = host.turns_away("/wsman-anon/identify", SOAP, ask.text().as_bytes(), 500);
                assert_eq!((refusal.code(), refusal.subcode().as_str()), (fault::ACCESS_DENIED, "w:AccessDenied"));
            }
            assert!(host.sim.mutations().is_empty());
        }
}
