//! Commands in remote shells: how one is started, how its output comes and its input goes, how it ends.

use std::time::Duration;

use super::bench::{Answer, Ask, Host, SHELL, fault};

rules! {
    on Host;

    /// Input goes only to a shell that was made with an input stream.
    input_is_agreed_upon: "MS-WSMV 2.2.4.37",
        holds: |host| {
            let (shell, command) = host.starts_anew("more");
            host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">aGk=")));
        }
        breaks: |host| {
            let shell = host.accepts(&Ask::open_shell("<rsp:OutputStreams>stdout</rsp:OutputStreams>")).selector("ShellId").unwrap();
            let command = host.starts(&shell, "ping -n 5 127.0.0.1");
            host.refuses(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">aGk=")), fault::INVALID_PARAMETER);
        }

    /// Output comes in no stream that was not agreed upon.
    output_is_agreed_upon: "MS-WSMV 3.1.4.14",
        shows: |host| {
            let shell = host.accepts(&Ask::open_shell("<rsp:OutputStreams>stdout</rsp:OutputStreams>")).selector("ShellId").unwrap();
            let command = host.starts(&shell, "hostname & hostname /x");
            host.accepts(&Ask::receive(&shell, &command))
        }
        reads: |answer| { assert!(answer.attributes("rsp:Stream", "Name").iter().all(|name| name == "stdout") && answer.has("rsp:Stream")); }
        spoils: |answer| { [answer.with("Name=\"stdout\"", "Name=\"stderr\"")] }

    /// Text is written in the code page that the shell was made with.
    output_has_a_code_page: "MS-WSMV 3.1.4.5.2",
        shows: |host| { host.first_output("echo gr\u{fc}n \u{6f22}") }
        reads: |answer| { assert_eq!(answer.stream("stdout"), "gr\u{fc}n \u{6f22}\r\n"); }
        spoils: |answer| { [answer.with(&answer.of_stream("stdout"), "Z3I/biA/DQo="), answer.with(&answer.of_stream("stdout"), "Z3L8biA/DQo=")] }

    /// A command line has a command.
    commands_are_not_empty: "MS-WSMV 2.2.4.7, <89>",
        holds: |host| { host.starts_anew("hostname"); }
        breaks: |host| {
            let shell = host.opens();
            for line in ["", "   "] {
                host.refuses(&Ask::command(&shell, line), fault::INVALID_PARAMETER);
            }
            host.refuses(&Ask::of_shell("Command", &shell, "<rsp:CommandLine><rsp:Arguments>x</rsp:Arguments></rsp:CommandLine>"), fault::INVALID_PARAMETER);
        }

    /// A command that was started has a name.
    started_commands_have_names: "MS-WSMV 2.2.4.8, capture real-windows/command_resp",
        shows: |host| {
            let shell = host.opens();
            (0..2).map(|_| host.accepts(&Ask::command(&shell, "hostname"))).collect::<Vec<_>>()
        }
        reads: |answers| {
            assert!(answers.iter().all(|answer| answer.inside("rsp:CommandResponse") == ["rsp:CommandId"] && answer.of("rsp:CommandId").len() == 36));
            assert!(answers.iter().all(|answer| answer.of("a:Action") == format!("{SHELL}/CommandResponse")));
            assert_ne!(answers[0].of("rsp:CommandId"), answers[1].of("rsp:CommandId"));
        }
        spoils: |answers| {
            [
                vec![answers[0].lacking("rsp:CommandId"), answers[1].clone()],
                vec![answers[0].with(&answers[0].of("rsp:CommandId"), &answers[1].of("rsp:CommandId")), answers[1].clone()],
                vec![answers[0].clone(), answers[1].with("CommandResponse</a:Action>", "Command</a:Action>")],
            ]
        }

    /// Each argument follows the command after a space.
    arguments_follow_the_command: "MS-WSMV 2.2.4.7",
        shows: |host| {
            let shell = host.opens();
            let line = "<rsp:CommandLine><rsp:Command>echo</rsp:Command><rsp:Arguments>one</rsp:Arguments><rsp:Arguments>two</rsp:Arguments></rsp:CommandLine>";
            let command = host.accepts(&Ask::of_shell("Command", &shell, line)).of("rsp:CommandId");
            host.accepts(&Ask::receive(&shell, &command))
        }
        reads: |answer| { assert_eq!(answer.stream("stdout"), "one two\r\n"); }
        spoils: |answer| { [answer.with(&answer.of_stream("stdout"), "b25ldHdvDQo=")] }

    /// Windows Server 2012 R2 and later give every line to the command interpreter, whatever WINRS_SKIP_CMD_SHELL says.
    lines_are_interpreted: "MS-WSMV <117>",
        shows: |host| {
            let shell = host.opens();
            let ask = Ask::command(&shell, "echo %COMPUTERNAME%").options(&[("WINRS_CONSOLEMODE_STDIN", "TRUE"), ("WINRS_SKIP_CMD_SHELL", "TRUE")]);
            let command = host.accepts(&ask).of("rsp:CommandId");
            host.accepts(&Ask::receive(&shell, &command))
        }
        reads: |answer| { assert_eq!((answer.stream("stdout").as_str(), answer.of("rsp:ExitCode").as_str()), ("HV01\r\n", "0")); }
        spoils: |answer| { [answer.with(&answer.of_stream("stdout"), "JUNPTVBVVEVSTkFNRSUNCg=="), answer.with("<rsp:ExitCode>0<", "<rsp:ExitCode>2<")] }

    /// A program that is not there is no fault: the interpreter says so, and ends with 1.
    unknown_programs_are_no_faults: "MS-WSMV 2.2.4.9, field notes b.10",
        shows: |host| { host.first_output("nosuchprogram") }
        reads: |answer| {
            assert!(answer.stream("stderr").starts_with("'nosuchprogram' is not recognized"), "{}", answer.stream("stderr"));
            assert_eq!((answer.state().as_str(), answer.of("rsp:ExitCode").as_str()), ("Done", "1"));
        }
        spoils: |answer| { [answer.with("<rsp:ExitCode>1<", "<rsp:ExitCode>0<"), answer.with_each("Name=\"stderr\"", "Name=\"stdout\"")] }

    /// Output is in base64, each piece with its stream's name and its command's.
    output_is_base64: "MS-WSMV 3.1.4.1.31.1, capture real-windows/receive_resp_01",
        shows: |host| { host.first_output("hostname & hostname /x") }
        reads: |answer| {
            assert_eq!(answer.stream("stdout").lines().next(), Some("HV01"));
            let command = answer.attribute("rsp:CommandState", "CommandId").unwrap();
            assert!(answer.attributes("rsp:Stream", "CommandId").iter().all(|own| *own == command));
            assert!(answer.attributes("rsp:Stream", "Name").iter().all(|name| name == "stdout" || name == "stderr"));
        }
        spoils: |answer| {
            [
                answer.with(&answer.of_stream("stdout"), "HV01 !"),
                answer.with("<rsp:Stream Name=\"stdout\" CommandId=", "<rsp:Stream Name=\"stdout\" Command="),
                answer.with("<rsp:Stream Name=\"stdout\"", "<rsp:Stream Name=\"out\""),
            ]
        }

    /// While a command runs, its state says so, and no stream has ended.
    running_commands_say_so: "MS-WSMV 2.2.4.9, capture real-windows/receive_resp_01",
        shows: |host| { host.first_output("ping -n 5 127.0.0.1") }
        reads: |answer| {
            assert_eq!((answer.state().as_str(), answer.has("rsp:ExitCode"), answer.ended().len()), ("Running", false, 0));
            assert!(!answer.stream("stdout").is_empty());
        }
        spoils: |answer| {
            [
                answer.with("CommandState/Running", "CommandState/Done"),
                answer.with("CommandState/Running", "Running"),
                answer.with("<rsp:Stream Name=\"stdout\"", "<rsp:Stream End=\"true\" Name=\"stdout\""),
            ]
        }

    /// When a command is done and all was said, its state says so with the exit code, and each stream has ended.
    ended_commands_say_so: "MS-WSMV 3.1.4.14, <122>, capture real-windows/receive_resp_02",
        shows: |host| { host.first_output("exit /b 7") }
        reads: |answer| {
            assert_eq!((answer.state().as_str(), answer.of("rsp:ExitCode").as_str()), ("Done", "7"));
            assert_eq!(answer.ended(), ["stdout", "stderr"]);
        }
        spoils: |answer| {
            [
                answer.with("CommandState/Done", "CommandState/Running"),
                answer.lacking("rsp:ExitCode"),
                answer.with("<rsp:ExitCode>7<", "<rsp:ExitCode>0<"),
                answer.with("End=\"true\"", "End=\"false\""),
                answer.lacking("rsp:Stream"),
            ]
        }

    /// Receive waits for output until its time limit, and then ends in the fault of a time-out; the command goes on.
    receive_waits: "MS-WSMV 3.1.4.14, code 2150858793",
        holds: |host| {
            let (shell, command) = host.starts_anew("ping -n 3 10.9.9.9");
            host.accepts(&Ask::receive(&shell, &command));
            let begun = host.seconds();
            host.accepts(&Ask::receive(&shell, &command).with("w:OperationTimeout", "PT20S"));
            assert_eq!(host.seconds() - begun, 4);
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("more");
            let begun = host.seconds();
            let refusal = host.refuses(&Ask::receive(&shell, &command).with("w:OperationTimeout", "PT20S"), fault::TIMED_OUT);
            assert_eq!((refusal.subcode().as_str(), host.seconds() - begun), ("w:TimedOut", 20));
            host.refuses(&Ask::receive(&shell, &command), fault::TIMED_OUT);
            assert_eq!(host.seconds() - begun, 80);
            host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\" End=\"true\">aGk=")));
            assert_eq!(host.accepts(&Ask::receive(&shell, &command)).stream("stdout"), "hi\r\n");
        }

    /// Receive names its command: a command shell itself says nothing.
    receive_names_a_command: "MS-WSMV 2.2.4.14, field notes b.7",
        holds: |host| { host.first_output("hostname"); }
        breaks: |host| {
            let (shell, _) = host.starts_anew("hostname");
            let body = "<rsp:Receive><rsp:DesiredStream>stdout</rsp:DesiredStream></rsp:Receive>";
            host.refuses(&Ask::of_shell("Receive", &shell, body), fault::INVALID_PARAMETER);
            host.refuses(&Ask::receive(&shell, "75233C4B-10BC-4796-A767-2D95F553DEEC"), fault::UNEXPECTED_SELECTORS);
        }

    /// Receive asks for streams that there are.
    desired_streams_are_known: "MS-WSMV 2.2.4.14, <89>",
        holds: |host| {
            let (shell, command) = host.starts_anew("hostname");
            host.accepts(&Ask::receive_from(&shell, &command, "stdout"));
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("hostname");
            host.refuses(&Ask::receive_from(&shell, &command, "stdout log"), fault::INVALID_PARAMETER);
        }

    /// Output comes in the streams that were asked for; the others keep theirs.
    desired_streams_are_given: "MS-WSMV 2.2.4.14",
        shows: |host| {
            let (shell, command) = host.starts_anew("hostname & nosuchprogram");
            ["stderr", "stdout"].map(|wanted| host.accepts(&Ask::receive_from(&shell, &command, wanted))).to_vec()
        }
        reads: |answers| {
            assert_eq!((answers[0].stream("stdout").as_str(), answers[0].stream("stderr").is_empty()), ("", false));
            assert_eq!((answers[1].stream("stdout").as_str(), answers[1].stream("stderr").as_str()), ("HV01\r\n", ""));
        }
        spoils: |answers| {
            let swapped = |at: usize, from: &str, to: &str| answers[at].with(&format!("Name=\"{from}\""), &format!("Name=\"{to}\""));
            [vec![swapped(0, "stderr", "stdout"), answers[1].clone()], vec![answers[0].clone(), swapped(1, "stdout", "stderr")]]
        }

    /// What was received once does not come again.
    output_comes_once: "MS-WSMV 3.1.4.14",
        shows: |host| {
            let (shell, command) = host.starts_anew("ping -n 2 127.0.0.1");
            (0..2).map(|_| host.accepts(&Ask::receive(&shell, &command))).collect::<Vec<_>>()
        }
        reads: |answers| {
            let text: String = answers.iter().map(|answer| answer.stream("stdout")).collect();
            assert_eq!((text.matches("Pinging").count(), text.matches("Reply").count(), text.matches("statistics").count()), (1, 2, 1), "{text}");
        }
        spoils: |answers| { [vec![answers[0].clone(), answers[1].with(answers[1].markup("rsp:Stream"), answers[0].markup("rsp:Stream"))]] }

    /// An answer with output stays within the envelope that the client takes; the rest comes with the next.
    output_fits_the_envelope: "MS-WSMV 3.1.4.1.7, 3.1.4.14",
        shows: |host| {
            let (shell, command) = host.starts_anew("ping -n 200 127.0.0.1");
            host.wait(Duration::from_secs(300));
            (0..2).map(|_| host.accepts(&Ask::receive(&shell, &command).with("w:MaxEnvelopeSize", "8192"))).collect::<Vec<_>>()
        }
        reads: |answers| {
            assert!(answers.iter().all(|answer| answer.text.encode_utf16().count() * 2 <= 8192 && !answer.stream("stdout").is_empty()));
            assert_eq!(answers.iter().map(Answer::state).collect::<Vec<_>>(), ["Running", "Running"]);
        }
        spoils: |answers| {
            let large = answers[0].of_stream("stdout").repeat(20);
            [
                vec![answers[0].with(&answers[0].of_stream("stdout"), &large), answers[1].clone()],
                vec![answers[0].with("CommandState/Running", "CommandState/Done"), answers[1].clone()],
            ]
        }

    /// Input reaches the command, and its end ends the command's reading.
    input_reaches_the_command: "MS-WSMV 3.1.4.13, 2.2.4.40",
        holds: |host| {
            let (shell, command) = host.starts_anew("more");
            let answer = host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">b25l")));
            assert_eq!((answer.inside("s:Body"), answer.of("a:Action")), (vec!["rsp:SendResponse".to_owned()], format!("{SHELL}/SendResponse")));
            host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\" End=\"true\">IHR3bw==")));
            let answer = host.accepts(&Ask::receive(&shell, &command));
            assert_eq!((answer.stream("stdout").as_str(), answer.state().as_str()), ("one two\r\n", "Done"));
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("more");
            host.refuses(&Ask::send(&shell, &format!("Name=\"stdout\" CommandId=\"{command}\">aGk=")), fault::INVALID_PARAMETER);
            host.refuses(&Ask::send(&shell, "Name=\"stdin\" CommandId=\"75233C4B-10BC-4796-A767-2D95F553DEEC\">aGk="), fault::UNEXPECTED_SELECTORS);
        }

    /// Input to a command shell names its command.
    input_names_a_command: "MS-WSMV 3.1.4.13",
        holds: |host| {
            let (shell, command) = host.starts_anew("more");
            host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">aGk=")));
        }
        breaks: |host| {
            let (shell, _) = host.starts_anew("more");
            host.refuses(&Ask::send(&shell, "Name=\"stdin\">aGk="), fault::INVALID_PARAMETER);
        }

    /// Input is in base64, and may be empty.
    input_is_base64: "MS-WSMV 3.1.4.1.31.1, 3.1.4.13",
        holds: |host| {
            let (shell, command) = host.starts_anew("more");
            for data in ["", "\n aG\n k= \n"] {
                host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">{data}")));
            }
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("more");
            host.refuses(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">not base64!")), fault::SCHEMA_VALIDATION);
        }

    /// Input that a command did not read before it ended is lost without a word.
    late_input_is_lost: "MS-WSMV 3.1.4.13",
        holds: |host| {
            let (shell, command) = host.starts_anew("hostname");
            host.accepts(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">aGk=")));
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("hostname");
            host.accepts(&Ask::signal(&shell, &command, "terminate"));
            host.refuses(&Ask::send(&shell, &format!("Name=\"stdin\" CommandId=\"{command}\">aGk=")), fault::UNEXPECTED_SELECTORS);
        }

    /// There are three signals, in whatever case they are written.
    signals_are_known: "MS-WSMV 2.2.4.38, 2.2.5.6, <89>",
        holds: |host| {
            for code in ["terminate", "Terminate", "ctrl_c", "ctrl_break"] {
                let (shell, command) = host.starts_anew("more");
                let answer = host.accepts(&Ask::signal(&shell, &command, code));
                assert_eq!((answer.inside("s:Body"), answer.of("a:Action")), (vec!["rsp:SignalResponse".to_owned()], format!("{SHELL}/SignalResponse")));
            }
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("more");
            host.refuses(&Ask::signal(&shell, &command, "hangup"), fault::INVALID_PARAMETER);
            let nothing = format!("<rsp:Signal CommandId=\"{command}\"/>");
            host.refuses(&Ask::of_shell("Signal", &shell, &nothing), fault::INVALID_PARAMETER);
        }

    /// Ctrl+C ends what runs; that it ended can be received.
    interrupted_commands_end: "MS-WSMV 2.2.4.38",
        shows: |host| {
            let (shell, command) = host.starts_anew("ping -n 500 127.0.0.1");
            host.accepts(&Ask::signal(&shell, &command, "ctrl_c"));
            host.accepts(&Ask::receive(&shell, &command))
        }
        reads: |answer| { assert_eq!((answer.state().as_str(), answer.of("rsp:ExitCode").as_str()), ("Done", "3221225786")); }
        spoils: |answer| { [answer.with("CommandState/Done", "CommandState/Running"), answer.with("<rsp:ExitCode>3221225786<", "<rsp:ExitCode>0<")] }

    /// A client that has a command terminated is done with it: it is not there any more.
    terminated_commands_are_forgotten: "MS-WSMV 2.2.4.38, 3.1.4.14",
        holds: |host| {
            let (shell, command) = host.starts_anew("hostname");
            host.accepts(&Ask::receive(&shell, &command));
            host.accepts(&Ask::signal(&shell, &command, "terminate"));
            host.starts(&shell, "hostname");
        }
        breaks: |host| {
            let (shell, command) = host.starts_anew("ping -n 500 127.0.0.1");
            host.accepts(&Ask::signal(&shell, &command, "terminate"));
            host.refuses(&Ask::receive(&shell, &command), fault::UNEXPECTED_SELECTORS);
            host.refuses(&Ask::signal(&shell, &command, "terminate"), fault::UNEXPECTED_SELECTORS);
        }

    /// A signal to a command shell names its command.
    signals_name_a_command: "MS-WSMV 2.2.4.38",
        holds: |host| {
            let (shell, command) = host.starts_anew("more");
            host.accepts(&Ask::signal(&shell, &command, "ctrl_c"));
        }
        breaks: |host| {
            let (shell, _) = host.starts_anew("more");
            let body = format!("<rsp:Signal><rsp:Code>{SHELL}/signal/ctrl_c</rsp:Code></rsp:Signal>");
            host.refuses(&Ask::of_shell("Signal", &shell, &body), fault::INVALID_PARAMETER);
        }

    /// A shell runs at most 25 commands at once; one that has ended makes room.
    shells_have_a_quota_of_commands: "field notes b.10, MS-WSMV 2.2.4.42",
        holds: |host| {
            let shell = host.opens();
            for _ in 0..60 {
                host.starts(&shell, "hostname");
            }
            let commands: Vec<String> = (0..25).map(|_| host.starts(&shell, "more")).collect();
            host.accepts(&Ask::signal(&shell, &commands[3], "terminate"));
            host.starts(&shell, "more");
        }
        breaks: |host| {
            let shell = host.opens();
            for _ in 0..25 {
                host.starts(&shell, "more");
            }
            host.refuses(&Ask::command(&shell, "more"), fault::QUOTA_OPERATIONS);
        }
}
