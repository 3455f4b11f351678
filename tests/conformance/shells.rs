//! Remote shells: how one is made, what it is called, whose it is, how it ends.

use std::time::Duration;

use super::bench::{Ask, CIMV2, CMD, Host, SHELL, STREAMS, fault};

/// Begins to enumerate the user's shells.
fn list(host: &mut Host) -> String {
    host.begins(&Ask::enumerate(SHELL, ""))
}

fn page(context: &str, most: usize) -> Ask {
    Ask::pull(SHELL, context, &format!("<n:MaxElements>{most}</n:MaxElements>"))
}

rules! {
    on Host;

    /// A command shell is made at its own URI.
    shells_have_a_uri: "MS-WSMV 3.1.4.5.2",
        holds: |host| { host.opens(); }
        breaks: |host| {
            for uri in [format!("{SHELL}/bash"), SHELL.to_owned(), format!("{CMD}/more")] {
                host.refuses(&Ask::open_shell(STREAMS).with("w:ResourceURI", &uri), fault::INVALID_RESOURCE_URI);
            }
        }

    /// A shell is made by Create, without selectors.
    shells_are_made_without_selectors: "MS-WSMV 3.1.4.5.2, 4.7.1",
        holds: |host| { host.opens(); }
        breaks: |host| { host.refuses(&Ask::open_shell(STREAMS).select(&[("ShellId", "1")]), fault::UNEXPECTED_SELECTORS); }

    /// A body is what its action names: a shell's requests are not taken for one another.
    actions_and_bodies_agree: "MS-WSMV 3.1.4.11-14, code 2150858801",
        holds: |host| { host.starts_anew("hostname"); }
        breaks: |host| {
            let (shell, command) = host.starts_anew("hostname");
            let asks = [Ask::open_shell(STREAMS).select(&[("ShellId", &shell)]), Ask::command(&shell, "hostname"), Ask::receive(&shell, &command)];
            for ask in asks {
                host.refuses(&ask.with("a:Action", &format!("{SHELL}/Signal")), fault::ACTION_MISMATCH);
            }
        }

    /// What was made is answered as a reference to it and a description of it.
    made_shells_are_referred_to: "MS-WSMV 3.1.4.5.2, capture real-windows/create_resp",
        shows: |host| { host.accepts(&Ask::open_shell(STREAMS)) }
        reads: |answer| {
            assert_eq!(answer.inside("s:Body"), ["x:ResourceCreated", "rsp:Shell"]);
            assert_eq!(answer.inside("x:ResourceCreated"), ["a:Address", "a:ReferenceParameters"]);
            assert_eq!((answer.of("w:ResourceURI").as_str(), answer.selector("ShellId")), (CMD, Some(answer.of("rsp:ShellId"))));
            assert!(answer.of("a:Action").ends_with("/transfer/CreateResponse"));
        }
        spoils: |answer| {
            [
                answer.lacking("rsp:Shell"),
                answer.with("Name=\"ShellId\"", "Name=\"Shell\""),
                answer.with("CreateResponse", "GetResponse"),
                answer.with("</rsp:ShellId>", "0</rsp:ShellId>"),
                answer.swapping("x:ResourceCreated", "rsp:Shell"),
            ]
        }

    /// A shell's description says whose it is, which streams it has and how long it lives.
    shells_are_described: "MS-WSMV 3.1.4.5.2, capture real-windows/create_resp",
        shows: |host| { host.accepts(&Ask::open_shell(STREAMS)) }
        reads: |answer| {
            let wanted = [("rsp:ResourceUri", CMD), ("rsp:IdleTimeOut", "PT7200.000S"), ("rsp:InputStreams", "stdin"), ("rsp:OutputStreams", "stdout stderr")];
            for (name, text) in wanted {
                assert_eq!(answer.of(name), text);
            }
            assert!(answer.of("rsp:Owner").to_lowercase().ends_with("trunkline"), "{}", answer.of("rsp:Owner"));
            assert_eq!((answer.of("rsp:ShellRunTime"), answer.of("rsp:ShellInactivity")), ("P0DT0H0M0S".to_owned(), "P0DT0H0M0S".to_owned()));
        }
        spoils: |answer| {
            [
                answer.lacking("rsp:Owner"),
                answer.lacking("rsp:IdleTimeOut"),
                answer.with("PT7200.000S", "7200"),
                answer.with(">stdout stderr<", ">stdout, stderr<"),
                answer.with("<rsp:ShellRunTime>P0DT0H0M0S", "<rsp:ShellRunTime>0"),
            ]
        }

    /// There is one input stream and there are two output streams.
    streams_are_known: "MS-WSMV 2.2.4.37, <89>",
        holds: |host| {
            host.accepts(&Ask::open_shell(""));
            host.accepts(&Ask::open_shell("<rsp:OutputStreams>stderr</rsp:OutputStreams>"));
        }
        breaks: |host| {
            host.refuses(&Ask::open_shell("<rsp:InputStreams>stdout</rsp:InputStreams>"), fault::INVALID_PARAMETER);
            host.refuses(&Ask::open_shell("<rsp:OutputStreams>stdout log</rsp:OutputStreams>"), fault::INVALID_PARAMETER);
        }

    /// A code page is a number.
    code_pages_are_numbers: "MS-WSMV 3.1.4.5.2",
        holds: |host| {
            for page in ["437", "850", "65001"] {
                host.accepts(&Ask::open_shell(STREAMS).options(&[("WINRS_CODEPAGE", page)]));
            }
        }
        breaks: |host| { host.refuses(&Ask::open_shell(STREAMS).options(&[("WINRS_CODEPAGE", "utf-8")]), fault::INVALID_PARAMETER); }

    /// Options of other kinds are read over, unless they must be complied with.
    options_are_known: "MS-WSMV 3.1.4.1.10, <50>",
        holds: |host| { host.accepts(&Ask::open_shell(STREAMS).options(&[("WINRS_NOPROFILE", "FALSE"), ("WINRS_ODD", "1")])); }
        breaks: |host| {
            let strict = "<w:OptionSet><w:Option Name=\"WINRS_ODD\" MustComply=\"true\">1</w:Option></w:OptionSet>";
            assert_eq!(host.refuses(&Ask::open_shell(STREAMS).block("w:OptionSet", strict), fault::INVALID_OPTIONS).subcode(), "w:InvalidOptions");
        }

    /// Commands begin in the directory that the shell was made with, which must be there.
    shells_have_a_directory: "MS-WSMV 2.2.4.37",
        holds: |host| {
            let shell = host.opens_with("<rsp:WorkingDirectory>C:\\Windows</rsp:WorkingDirectory>");
            assert_eq!(host.runs(&shell, "cd"), "C:\\Windows\r\n");
        }
        breaks: |host| { host.refuses(&Ask::open_shell("<rsp:WorkingDirectory>C:\\none</rsp:WorkingDirectory>"), fault::NO_DIRECTORY); }

    /// A shell's variables are those of its commands, and of no other shell.
    shells_have_variables: "MS-WSMV 2.2.4.37, 2.2.4.16",
        shows: |host| {
            let shell = host.opens_with("<rsp:Environment><rsp:Variable Name=\"ODD\">a b</rsp:Variable></rsp:Environment>");
            let own = host.starts(&shell, "echo [%ODD%]");
            let (other_shell, other) = host.starts_anew("echo [%ODD%]");
            vec![host.accepts(&Ask::receive(&shell, &own)), host.accepts(&Ask::receive(&other_shell, &other))]
        }
        reads: |answers| { assert_eq!(answers.iter().map(|answer| answer.stream("stdout")).collect::<Vec<_>>(), ["[a b]\r\n", "[%ODD%]\r\n"]); }
        spoils: |answers| {
            let other = |at: usize| answers[at].of_stream("stdout");
            [vec![answers[0].with(&other(0), &other(1)), answers[1].clone()], vec![answers[0].clone(), answers[1].with(&other(1), &other(0))]]
        }

    /// A shell that nobody asks for the time that its client said is deleted; each request begins that time anew.
    idle_shells_end: "MS-WSMV 3.1.4.1.31.5, 3.1.5.3",
        holds: |host| {
            let shell = host.opens_with("<rsp:IdleTimeOut>PT60.000S</rsp:IdleTimeOut>");
            for _ in 0..3 {
                host.wait(Duration::from_secs(59));
                assert_eq!(host.runs(&shell, "hostname"), "HV01\r\n");
            }
        }
        breaks: |host| {
            let shell = host.opens_with("<rsp:IdleTimeOut>PT60.000S</rsp:IdleTimeOut>");
            host.wait(Duration::from_secs(61));
            host.refuses(&Ask::command(&shell, "hostname"), fault::UNEXPECTED_SELECTORS);
            host.refuses(&Ask::open_shell("<rsp:IdleTimeOut>soon</rsp:IdleTimeOut>"), fault::SCHEMA_VALIDATION);
        }

    /// A client that says nothing of it has its shell for two hours.
    shells_live_for_two_hours: "MS-WSMV 2.2.4.42, capture real-windows/create_resp",
        holds: |host| {
            let shell = host.opens();
            host.wait(Duration::from_secs(7199));
            host.starts(&shell, "hostname");
        }
        breaks: |host| {
            let shell = host.opens();
            host.wait(Duration::from_secs(7201));
            host.refuses(&Ask::command(&shell, "hostname"), fault::UNEXPECTED_SELECTORS);
        }

    /// A shell in which a command runs is not idle.
    busy_shells_stay: "MS-WSMV 2.2.4.37",
        holds: |host| {
            let shell = host.opens_with("<rsp:IdleTimeOut>PT60.000S</rsp:IdleTimeOut>");
            let command = host.starts(&shell, "ping -n 300 127.0.0.1");
            host.wait(Duration::from_secs(200));
            host.accepts(&Ask::receive(&shell, &command));
        }
        breaks: |host| {
            let shell = host.opens_with("<rsp:IdleTimeOut>PT60.000S</rsp:IdleTimeOut>");
            let command = host.starts(&shell, "ping -n 30 127.0.0.1");
            host.runs(&shell, "ping -n 60 127.0.0.1");
            host.wait(Duration::from_secs(61));
            host.refuses(&Ask::receive(&shell, &command), fault::UNEXPECTED_SELECTORS);
        }

    /// A request to a shell names it, by its one selector.
    shells_are_named: "MS-WSMV 3.1.4.11, field notes b.7",
        holds: |host| {
            let shell = host.opens();
            host.starts(&shell.to_lowercase(), "hostname");
        }
        breaks: |host| {
            let shell = host.opens();
            host.refuses(&Ask::command(&shell, "hostname").without("w:SelectorSet"), fault::TOO_FEW_SELECTORS);
            host.refuses(&Ask::command(&shell, "hostname").select(&[("Name", &shell)]), fault::UNEXPECTED_SELECTORS);
            host.refuses(&Ask::command(&shell, "hostname").select(&[("ShellId", &shell), ("Name", "x")]), fault::UNEXPECTED_SELECTORS);
        }

    /// A shell that is not there is refused in words that name it.
    lost_shells_are_told: "field notes b.7, code 2150858843",
        holds: |host| { host.opens(); }
        breaks: |host| {
            let refusal = host.refuses(&Ask::command("81DF6FC4-08CB-4FB4-A75B-33B422885199", "hostname"), fault::UNEXPECTED_SELECTORS);
            assert_eq!(refusal.subcode(), "w:InvalidSelectors");
            assert!(refusal.of("s:Text").contains("ShellId 81DF6FC4-08CB-4FB4-A75B-33B422885199"), "{}", refusal.of("s:Text"));
        }

    /// A shell is its user's own.
    shells_are_the_users_own: "MS-WSMV 2.2.4.37",
        holds: |host| { host.starts_anew("hostname"); }
        breaks: |host| {
            let (shell, command) = host.starts_anew("ping -n 9 127.0.0.1");
            host.as_viewer();
            host.refuses(&Ask::command(&shell, "hostname"), fault::UNEXPECTED_SELECTORS);
            host.refuses(&Ask::receive(&shell, &command), fault::UNEXPECTED_SELECTORS);
            host.refuses(&Ask::close_shell(&shell), fault::UNEXPECTED_SELECTORS);
        }

    /// Delete ends a shell with all that runs in it, and has an empty answer.
    deleted_shells_end: "MS-WSMV 3.1.4.4.1",
        holds: |host| {
            let (shell, _) = host.starts_anew("ping -n 500 127.0.0.1");
            let answer = host.accepts(&Ask::close_shell(&shell));
            assert_eq!((answer.body(), answer.of("a:Action").ends_with("/transfer/DeleteResponse")), ("", true));
            let pings = host.whole(&Ask::wql(CIMV2, "SELECT * FROM Win32_Process WHERE Name = 'ping.exe'"));
            assert!(!pings.has("p:Win32_Process"), "{}", pings.text);
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("ping -n 500 127.0.0.1");
            host.accepts(&Ask::close_shell(&shell));
            host.refuses(&Ask::receive(&shell, &command), fault::UNEXPECTED_SELECTORS);
            host.refuses(&Ask::close_shell(&shell), fault::UNEXPECTED_SELECTORS);
        }

    /// A user has at most 30 shells open; another user has as many, and a closed one makes room.
    users_have_a_quota_of_shells: "MS-WSMV 3.1.4.5.2.1, <111>, code 2150859173",
        holds: |host| {
            let shells: Vec<String> = (0..30).map(|_| host.opens()).collect();
            host.accepts(&Ask::close_shell(&shells[7]));
            host.opens();
            host.as_viewer();
            host.opens();
        }
        breaks: |host| {
            for _ in 0..30 {
                host.opens();
            }
            let refusal = host.refuses(&Ask::open_shell(STREAMS), fault::QUOTA_SHELLS);
            assert_eq!(refusal.subcode(), "w:QuotaLimit");
            assert!(refusal.of("s:Text").contains("The maximum number of concurrent shells for this user has been exceeded"));
        }

    /// Shells are enumerated and read at the URI of all shells, not at that of command shells.
    shells_are_listed_at_their_common_uri: "MS-WSMV <103>, <114>",
        holds: |host| {
            let shell = host.opens();
            let context = list(host);
            assert_eq!(host.accepts(&page(&context, 10)).of("rsp:ShellId"), shell);
            assert_eq!(host.accepts(&Ask::get(SHELL).select(&[("ShellId", &shell)])).of("rsp:ShellId"), shell);
        }
        breaks: |host| {
            let shell = host.opens();
            host.refuses(&Ask::enumerate(CMD, ""), fault::ACTION_NOT_SUPPORTED);
            host.refuses(&Ask::get(CMD).select(&[("ShellId", &shell)]), fault::ACTION_NOT_SUPPORTED);
        }

    /// A list of shells is not filtered.
    shells_are_not_filtered: "MS-WSMV 3.1.4.8.2",
        holds: |host| { list(host); }
        breaks: |host| {
            let filter = "<w:Filter Dialect=\"http://schemas.microsoft.com/wbem/wsman/1/WQL\">SELECT * FROM Shell</w:Filter>";
            assert_eq!(host.refuses(&Ask::enumerate(SHELL, filter), fault::ENUMERATE_FILTERING).subcode(), "n:FilteringNotSupported");
        }

    /// A list of shells comes in pages, each with a new context, and a context that nobody pulls from for a minute is gone.
    shells_come_in_pages: "MS-WSMV 3.1.4.9.2, 3.1.4.1.36",
        holds: |host| {
            let mut shells: Vec<String> = (0..3).map(|_| host.opens()).collect();
            let (mut context, mut found) = (Some(list(host)), Vec::new());
            while let Some(current) = context {
                let answer = host.accepts(&Ask::pull(SHELL, &current, ""));
                assert_eq!((answer.count("rsp:Shell"), answer.has("n:EndOfSequence")), (1, !answer.has("n:EnumerationContext")));
                found.push(answer.of("rsp:ShellId"));
                context = answer.all("n:EnumerationContext").pop();
            }
            shells.sort();
            found.sort();
            assert_eq!(found, shells);
        }
        breaks: |host| {
            for _ in 0..3 {
                host.opens();
            }
            let context = list(host);
            host.accepts(&page(&context, 2));
            host.refuses(&page(&context, 2), fault::INVALID_CONTEXT);
            let context = list(host);
            host.wait(Duration::from_secs(61));
            host.refuses(&page(&context, 2), fault::INVALID_CONTEXT);
        }

    /// A user sees the shells that are the user's own.
    lists_are_the_users_own: "MS-WSMV 3.1.4.8.2",
        holds: |host| {
            host.opens();
            host.as_viewer();
            let own = host.opens();
            let context = list(host);
            assert_eq!(host.accepts(&page(&context, 10)).all("rsp:ShellId"), [own]);
        }
        breaks: |host| {
            let shell = host.opens();
            let context = list(host);
            host.as_viewer();
            host.refuses(&page(&context, 10), fault::INVALID_CONTEXT);
            host.refuses(&Ask::get(SHELL).select(&[("ShellId", &shell)]), fault::UNEXPECTED_SELECTORS);
        }
}
