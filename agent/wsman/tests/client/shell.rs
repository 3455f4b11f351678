//! Shells and commands, and commands that outlive them.

use std::collections::BTreeMap;

use trunkline_wsman::envelope::shell::{CommandState, ShellRequest, ShellResponse, Stream};
use trunkline_wsman::shell::{CodePage, Input, Program, Progress, RunId, ShellSettings, Signal};

use super::*;

const CMD: &str = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd";

fn created(request: &Envelope<Request>) -> Reply {
    let reference = EndpointReference {
        address: "http://hv01:5985/wsman".to_owned(),
        resource: ResourceUri::parse(CMD),
        selectors: vec![(Name::from("ShellId"), Key::Text("SHELL-1".to_owned()))],
    };
    answer(request, Response::Created(reference))
}

fn received(request: &Envelope<Request>, stdout: &[u8], exit_code: Option<u32>) -> Reply {
    let stream = Stream { name: "stdout".to_owned(), command: Some("C-1".to_owned()), data: stdout.to_vec(), end: exit_code.is_some() };
    let state = if exit_code.is_some() { "Done" } else { "Running" };
    let state = CommandState { command: Some("C-1".to_owned()), state: state.to_owned(), exit_code };
    answer(request, Response::Shell(ShellResponse::Received { streams: vec![stream], state: Some(state) }))
}

fn timed_out(request: &Envelope<Request>) -> Reply {
    answer(request, Response::Fault(Box::new(Fault::service(2_150_858_793, "no output yet"))))
}

fn word(request: &Envelope<Request>) -> String {
    let option = |o: &trunkline_wsman::envelope::OptionValue| format!("{}={}", o.name, o.value.clone().unwrap_or_default());
    match &request.body {
        Request::Shell(ShellRequest::Create(body)) => {
            let options: Vec<String> = request.header.options.iter().map(option).collect();
            format!("create {:?} {:?} {}", body.input, body.output, options.join(" "))
        }
        Request::Shell(ShellRequest::Command(line)) => format!("command {} {:?}", line.command, line.arguments),
        Request::Shell(ShellRequest::Send(streams)) => {
            streams.iter().map(|s| format!("send {} {} {}", s.name, s.data.len(), s.end)).collect()
        }
        Request::Shell(ShellRequest::Receive { command, streams }) => format!("receive {command:?} {streams}"),
        Request::Shell(ShellRequest::Signal { command, code }) => {
            format!("signal {command:?} {}", code.rsplit('/').next().unwrap_or_default())
        }
        Request::Delete => format!("delete {:?}", request.header.selectors),
        other => format!("{other:?}"),
    }
}

/// A host with one shell whose command is given `replies` to each Receive, and what it was asked.
fn shell_host(replies: impl Fn(usize, &Envelope<Request>) -> Reply + Send + Sync + 'static) -> (Arc<Host>, Arc<Mutex<Vec<String>>>) {
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let (log, receives) = (Arc::clone(&said), AtomicUsize::new(0));
    let host = host(move |_, request| {
        log.lock().expect("log").push(word(request));
        match &request.body {
            Request::Shell(ShellRequest::Create(_)) => created(request),
            Request::Shell(ShellRequest::Command(_)) => {
                answer(request, Response::Shell(ShellResponse::Started { command: "C-1".to_owned() }))
            }
            Request::Shell(ShellRequest::Send(_)) => answer(request, Response::Shell(ShellResponse::Sent)),
            Request::Shell(ShellRequest::Receive { .. }) => replies(receives.fetch_add(1, Ordering::SeqCst), request),
            Request::Shell(ShellRequest::Signal { .. }) => answer(request, Response::Shell(ShellResponse::Signalled)),
            Request::Delete => answer(request, Response::Empty),
            other => panic!("{other:?}"),
        }
    });
    (host, said)
}

#[tokio::test]
async fn a_command_runs_through_empty_polls_to_its_end() {
    let (host, said) = shell_host(|number, request| match number {
        // The end of a character may come with the next piece.
        0 => received(request, "Zertifikat g\u{fc}ltig".as_bytes().split_at(13).0, None),
        1 | 2 => timed_out(request),
        3 => received(request, "Zertifikat g\u{fc}ltig".as_bytes().split_at(13).1, None),
        _ => received(request, b"\r\n", Some(0x8009_0016)),
    });
    let program = Program::new("certutil").arg("-store").arg("My Store");
    let finished = client(&host).run(&program, 1000).await.expect("finished");
    assert_eq!((finished.exit_code, finished.stdout().as_str()), (0x8009_0016, "Zertifikat gültig\r\n"));
    assert_eq!((finished.stderr(), finished.stdout.left_out), (String::new(), 0));
    insta::assert_snapshot!(said.lock().expect("said").join("\n"), @r#"
    create Some("stdin") Some("stdout stderr") WINRS_NOPROFILE=TRUE WINRS_CODEPAGE=65001
    command certutil -store ^"My Store^" []
    receive Some("C-1") stdout stderr
    receive Some("C-1") stdout stderr
    receive Some("C-1") stdout stderr
    receive Some("C-1") stdout stderr
    receive Some("C-1") stdout stderr
    signal Some("C-1") terminate
    delete [("ShellId", Text("SHELL-1"))]
    "#);
}

#[tokio::test]
async fn output_beyond_the_limit_is_counted_and_not_kept() {
    let (host, _) = shell_host(|number, request| received(request, &[b'x'; 700], (number == 2).then_some(0)));
    let finished = client(&host).run(&Program::new("type").arg("big.log"), 1000).await.expect("finished");
    assert_eq!((finished.stdout.octets.len(), finished.stdout.left_out), (1000, 1100));
}

#[tokio::test]
async fn input_is_sent_in_pieces_and_ended_once() {
    let (host, said) = shell_host(|_, request| received(request, b"", Some(1)));
    let client = client(&host);
    let shell = client.open_shell(&ShellSettings::default()).await.expect("a shell");
    let running = shell.start(&Program::new("findstr").arg("x")).await.expect("started");
    running.send(&[7; 100_000], Input::More).await.expect("sent");
    running.send(b"", Input::End).await.expect("sent");
    running.signal(Signal::Interrupt).await.expect("heard");
    assert_eq!(running.wait(10).await.expect("ended").exit_code, 1);
    shell.close().await;
    let said = said.lock().expect("said");
    assert_eq!(said[2..6], ["send stdin 65536 false", "send stdin 34464 false", "send stdin 0 true", "signal Some(\"C-1\") ctrl_c"]);
}

#[tokio::test]
async fn a_shell_is_made_as_it_is_asked_for() {
    let host = host(|_, request| match &request.body {
        Request::Shell(ShellRequest::Create(body)) => {
            assert_eq!(body.working_directory.as_deref(), Some(r"C:\Temp"));
            assert_eq!(body.environment, [("A".to_owned(), " b & c ".to_owned())]);
            assert_eq!(body.idle_timeout, Some(Duration::from_secs(90)));
            assert!(request.header.options.iter().any(|o| o.name == "WINRS_CODEPAGE" && o.value.as_deref() == Some("437")));
            created(request)
        }
        Request::Delete => answer(request, Response::Empty),
        other => panic!("{other:?}"),
    });
    let settings = ShellSettings {
        code_page: CodePage::Oem437,
        working_directory: Some(r"C:\Temp".to_owned()),
        environment: vec![("A".to_owned(), " b & c ".to_owned())],
        idle_timeout: Some(Duration::from_secs(90)),
    };
    client(&host).open_shell(&settings).await.expect("a shell").close().await;
}

#[tokio::test(start_paused = true)]
async fn whatever_is_dropped_is_terminated_and_deleted_on_the_host() {
    let (host, said) = shell_host(|_, _| Reply::Hang);
    let client = client(&host);
    let dropped = tokio::time::timeout(Duration::from_secs(5), client.run(&Program::new("ping").arg("-t"), 10)).await;
    assert!(dropped.is_err(), "it runs for ever");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut farewells = said.lock().expect("said")[3..].to_vec();
    farewells.sort();
    assert_eq!(farewells, ["delete [(\"ShellId\", Text(\"SHELL-1\"))]", "signal Some(\"C-1\") terminate"]);
}

#[tokio::test]
async fn a_command_whose_start_has_no_answer_is_not_started_again() {
    let starts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&starts);
    let host = host(move |_, request| match &request.body {
        Request::Shell(ShellRequest::Create(_)) => created(request),
        Request::Shell(ShellRequest::Command(_)) => {
            counted.fetch_add(1, Ordering::SeqCst);
            Reply::Cut
        }
        _ => answer(request, Response::Empty),
    });
    let error = client(&host).run(&Program::new("msiexec").arg("/i"), 10).await.expect_err("cut");
    assert!(error.outcome_unknown(), "{error:?}");
    assert_eq!(starts.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_program_that_cannot_be_written_is_not_sent() {
    let (host, said) = shell_host(|_, _| Reply::Cut);
    let error = client(&host).run(&Program::new("run.bat").arg("a\"&calc"), 10).await.expect_err("refused");
    assert!(matches!(error, Error::Refused { .. }) && !error.outcome_unknown());
    assert!(said.lock().expect("said").iter().all(|said| !said.starts_with("command")));
}

/// A host that keeps directories and processes, as far as a detached command needs them.
#[derive(Default)]
struct Windows {
    files: Mutex<BTreeMap<String, String>>,
    processes: Mutex<Vec<String>>,
    commands: Mutex<Vec<String>>,
}

impl Windows {
    /// What the command line does at once: it claims its directory, or ends.
    fn create(&self, line: &str) {
        let inside = line.strip_prefix("cmd.exe /d /v:off /s /c \"mkdir ").and_then(|l| l.strip_suffix('"')).expect("the agreed line");
        let (directory, rest) = inside.split_once(" && (").expect("a claim");
        let out = format!(r"{directory}\out");
        if self.files.lock().expect("files").contains_key(&out) {
            return;
        }
        assert!(rest.contains(&format!(" > {out} 2>&1 & call echo %^errorlevel% > {directory}\\exit)")), "{rest}");
        self.files.lock().expect("files").insert(out, "begun\r\n".to_owned());
        self.processes.lock().expect("processes").push(line.to_owned());
    }

    fn run(&self, line: &str) -> (String, u32) {
        self.commands.lock().expect("commands").push(line.to_owned());
        let mut files = self.files.lock().expect("files");
        match line.split_once(' ') {
            Some(("type", path)) => match files.get(path) {
                Some(text) => (text.clone(), 0),
                None => ("The system cannot find the file specified.\r\n".to_owned(), 1),
            },
            Some(("rmdir", rest)) => {
                let directory = rest.strip_prefix("/s /q ").expect("both switches").to_owned();
                files.retain(|path, _| !path.starts_with(&directory));
                (String::new(), 0)
            }
            _ => panic!("{line}"),
        }
    }
}

fn windows_host(windows: &Arc<Windows>, created: Reply2) -> Arc<Host> {
    let windows = Arc::clone(windows);
    let ran = Mutex::new((String::new(), 0));
    host(move |_, request| match &request.body {
        Request::Enumerate(begin) => {
            let Some(FilterBody::Text(wql)) = begin.filter.as_ref().map(|f| f.body.clone()) else { panic!() };
            let items = if wql.contains("Win32_OperatingSystem") {
                vec![CimInstance::new("Win32_OperatingSystem").with("WindowsDirectory", r"C:\Windows")]
            } else {
                let lines = windows.processes.lock().expect("processes").clone();
                lines.into_iter().map(|line| CimInstance::new("Win32_Process").with("CommandLine", line)).collect()
            };
            answer(request, Response::Enumerate(page(None, items.into_iter().map(Item::Object).collect(), true)))
        }
        Request::Invoke(call) => {
            let line = call.value("CommandLine", None).expect("a line");
            windows.create(line.as_str().expect("text"));
            created(request)
        }
        Request::Shell(ShellRequest::Create(_)) => self::created(request),
        Request::Shell(ShellRequest::Command(line)) => {
            *ran.lock().expect("ran") = windows.run(&line.command);
            answer(request, Response::Shell(ShellResponse::Started { command: "C-1".to_owned() }))
        }
        Request::Shell(ShellRequest::Receive { .. }) => {
            let (text, code) = ran.lock().expect("ran").clone();
            received(request, text.as_bytes(), Some(code))
        }
        Request::Shell(ShellRequest::Signal { .. }) => answer(request, Response::Shell(ShellResponse::Signalled)),
        Request::Delete => answer(request, Response::Empty),
        other => panic!("{other:?}"),
    })
}

type Reply2 = fn(&Envelope<Request>) -> Reply;

fn process_started(request: &Envelope<Request>) -> Reply {
    let values = CimInstance::new("Create_OUTPUT").with("ProcessId", 4711_u32).with("ReturnValue", 0_u32);
    answer(request, Response::Output(Output { class: "Win32_Process".into(), method: "Create".to_owned(), values }))
}

#[tokio::test]
async fn a_detached_command_is_started_once_whatever_answers_are_lost() {
    let windows = Arc::<Windows>::default();
    let host = windows_host(&windows, |_| Reply::Cut);
    let run = client(&host).detached(&RunId::new("install-kb-1").expect("a name")).await.expect("a run");
    assert_eq!(run.look(100).await.expect("seen"), Progress::Absent);
    let program = Program::new("msiexec").arg("/i").arg(r"C:\Program Files\a b.msi");
    for _ in 0..3 {
        let error = run.start(&program).await.expect_err("the answer is lost");
        assert!(error.outcome_unknown());
    }
    assert_eq!(windows.processes.lock().expect("processes").len(), 1, "started once");
    let Progress::Running(output) = run.look(100).await.expect("seen") else { panic!("it runs") };
    assert_eq!(output.octets, b"begun\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_detached_command_is_followed_to_its_exit_code_and_cleaned_up() {
    let windows = Arc::<Windows>::default();
    let host = windows_host(&windows, process_started);
    let run = client(&host).detached(&RunId::new("scan").expect("a name")).await.expect("a run");
    run.start(&Program::new("usoclient").arg("StartScan")).await.expect("started");
    let ends = async {
        let put = |name: &str, text: &str| {
            windows.files.lock().expect("files").insert(format!(r"C:\Windows\Temp\trunkline\scan\{name}"), text.to_owned());
        };
        tokio::time::sleep(Duration::from_secs(300)).await;
        // The file is there before its line.
        put("exit", "");
        tokio::time::sleep(Duration::from_secs(20)).await;
        put("out", "begun\r\nall done\r\n");
        put("exit", "-2145124329 \r\n");
    };
    let (seen, ()) = tokio::join!(run.wait(Duration::from_secs(15), 1000), ends);
    let Progress::Ended(finished) = seen.expect("seen") else { panic!("it ended") };
    assert_eq!((finished.exit_code, finished.stdout().as_str()), (0x8024_0017, "begun\r\nall done\r\n"));
    run.clean_up().await.expect("cleaned up");
    windows.processes.lock().expect("processes").clear();
    assert_eq!(run.look(10).await.expect("seen"), Progress::Absent);
}

#[tokio::test]
async fn a_detached_command_that_a_restart_killed_is_told_from_one_that_runs() {
    let windows = Arc::<Windows>::default();
    let host = windows_host(&windows, process_started);
    let run = client(&host).detached(&RunId::new("dism").expect("a name")).await.expect("a run");
    run.start(&Program::new("dism").arg("/online")).await.expect("started");
    windows.processes.lock().expect("processes").clear();
    assert!(matches!(run.look(100).await.expect("seen"), Progress::Lost(output) if output.octets == b"begun\r\n"));
}

#[tokio::test]
async fn a_host_that_starts_no_process_says_why() {
    let windows = Arc::<Windows>::default();
    let host = windows_host(&windows, |request| {
        let values = CimInstance::new("Create_OUTPUT").with("ReturnValue", 2_u32);
        answer(request, Response::Output(Output { class: "Win32_Process".into(), method: "Create".to_owned(), values }))
    });
    let run = client(&host).detached(&RunId::new("x").expect("a name")).await.expect("a run");
    let error = run.start(&Program::new("x")).await.expect_err("denied");
    assert_eq!(error.to_string(), "`Win32_Process.Create` on `http://hv01:5985/wsman` returned 2: access denied");
    assert!(!error.outcome_unknown() && error.disposition() == Disposition::Stall);
}

#[test]
fn a_run_has_a_name_that_no_path_trips_over() {
    for text in ["", "A", "a b", "..", r"a\b", "a%b", &"x".repeat(65)] {
        assert!(RunId::new(text).is_err(), "{text}");
    }
    assert_eq!(RunId::new("install-kb5031364").expect("a name").to_string(), "install-kb5031364");
}
