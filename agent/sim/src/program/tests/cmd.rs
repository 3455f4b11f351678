//! The command interpreter.

use super::Room;

#[test]
fn commands_say_what_cmd_says() {
    let mut room = Room::plain();
    for (line, out, err, code) in [
        ("echo hello  world", "hello  world\r\n", "", 0),
        ("echo.", "\r\n", "", 0),
        ("echo", "ECHO is on.\r\n", "", 0),
        ("ver", "\r\nMicrosoft Windows [Version 10.0.20348]\r\n", "", 0),
        ("hostname", "HV01\r\n", "", 0),
        ("whoami", "hv01\\admin\r\n", "", 0),
        ("cd", "C:\\Users\\admin\r\n", "", 0),
        ("foo /bar", "", "'foo' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 1),
        (r"C:\no\such.exe", "", "The system cannot find the path specified.\r\n", 1),
        ("type C:\\data\\notes.txt", "one two", "", 0),
        ("type C:\\data\\none.txt", "", "The system cannot find the file specified.\r\n", 1),
        ("type C:\\none\\none.txt", "", "The system cannot find the path specified.\r\n", 1),
        ("exit /b 7", "", "", 7),
        ("exit 3", "", "", 3),
        ("a && | b", "", "| was unexpected at this time.\r\n", 1),
        ("timeout /t 5", "", "ERROR: Input redirection is not supported, exiting the process immediately.\r\n", 1),
        ("set PROMPT", "PROMPT=$P$G\r\n", "", 0),
        ("set NOPE", "", "Environment variable NOPE not defined\r\n", 1),
        ("dir /b C:\\data", "notes.txt\r\n", "", 0),
        ("dir /b C:\\data\\*.doc", "", "File Not Found\r\n", 1),
        (r#""hostname""#, "HV01\r\n", "", 0),
        (r"C:\Windows\System32\HOSTNAME.EXE", "HV01\r\n", "", 0),
        ("cmd /c exit /b 12", "", "", 12),
        (r#"cmd /d /s /c "echo "a" & exit /b 4""#, "\"a\" \r\n", "", 4),
    ] {
        let run = room.run(line);
        assert_eq!((run.out.as_str(), run.err.as_str(), run.code), (out, err, code), "{line}");
    }
}

#[test]
fn operators_and_variables_work_as_in_cmd() {
    let mut room = Room::plain();
    for (line, out, code) in [
        ("echo a & echo b", "a \r\nb\r\n", 0),
        ("hostname && echo yes", "HV01\r\nyes\r\n", 0),
        ("foo 2>nul || echo no", "no\r\n", 0),
        ("foo 2>nul && echo no", "", 1),
        ("(echo a & echo b) | more", "a \r\nb\r\n", 0),
        ("echo %COMPUTERNAME% %NOPE%", "HV01 %NOPE%\r\n", 0),
        ("set X=1& call echo %^X%", "1\r\n", 0),
        ("foo 2>nul & call echo %^errorlevel%", "9009\r\n", 0),
        ("cmd /c exit 5 & call echo %^errorlevel%", "5\r\n", 0),
        ("cmd /c exit -1 & call echo %^errorlevel%", "-1\r\n", 0),
        ("if exist C:\\data\\notes.txt (echo there) else echo gone", "there\r\n", 0),
        ("if not exist C:\\data\\*.doc echo none", "none\r\n", 0),
        ("if /i abc==ABC echo same", "same\r\n", 0),
        ("if 10 GTR 9 echo more", "more\r\n", 0),
        ("if defined NOPE (echo yes) else (echo no)", "no\r\n", 0),
        ("echo a^&b", "a&b\r\n", 0),
        ("echo x>C:\\data\\x & type C:\\data\\x", "x \r\n", 0),
        (
            "foo>C:\\data\\e 2>&1 & type C:\\data\\e & del C:\\data\\e",
            "'foo' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n",
            0,
        ),
        ("set /p L=ask: < C:\\data\\notes.txt & call echo %^L%", "ask:  one two\r\n", 0),
    ] {
        let run = room.run(line);
        assert_eq!((run.out.as_str(), run.err.as_str(), run.code), (out, "", code), "{line}");
    }
}

#[test]
fn files_and_folders_come_and_go() {
    let mut room = Room::plain();
    assert_eq!(room.good(r"mkdir C:\a\b && copy C:\data\notes.txt C:\a\b"), "        1 file(s) copied.\r\n");
    assert_eq!(room.run(r"mkdir C:\a\b").err, "A subdirectory or file C:\\a\\b already exists.\r\n");
    assert_eq!(room.good(r"move C:\a\b\notes.txt C:\a\n.txt"), "        1 file(s) moved.\r\n");
    assert_eq!(room.good(r"dir /b C:\a"), "b\r\nn.txt\r\n");
    assert_eq!(room.run(r"rmdir C:\a").err, "The directory is not empty.\r\n");
    assert_eq!(room.good(r#"rmdir /s /q "C:\a" & if not exist C:\a echo gone"#), "gone\r\n");
    assert_eq!(room.run(r"rmdir C:\a").code, 2);
    assert_eq!(room.run(r"del C:\data\none.txt").err, "Could Not Find C:\\data\\none.txt\r\n");
    assert_eq!(room.run(r"echo x > C:\nowhere\x").err, "The system cannot find the path specified.\r\n");
}

#[test]
fn the_form_of_a_command_that_outlives_its_shell_leaves_output_and_code() {
    let mut room = Room::plain();
    let form = |program: &str| {
        format!(
            r#"cmd.exe /d /v:off /s /c "mkdir C:\Windows\Temp\trunkline\7 && ({program} > C:\Windows\Temp\trunkline\7\out 2>&1 & call echo %^errorlevel% > C:\Windows\Temp\trunkline\7\exit)""#
        )
    };
    room.good(&form("hostname"));
    assert_eq!(room.good(r"type C:\Windows\Temp\trunkline\7\out & type C:\Windows\Temp\trunkline\7\exit"), "HV01\r\n0 \r\n");
    let again = room.run(&form("whoami"));
    assert_eq!((again.code, again.err.contains("already exists")), (1, true), "a second start of one name starts nothing");
    assert_eq!(room.good(r"type C:\Windows\Temp\trunkline\7\out"), "HV01\r\n");
    room.good(r"rmdir /s /q C:\Windows\Temp\trunkline\7");
    room.run(&form("foo"));
    assert_eq!(room.good(r"type C:\Windows\Temp\trunkline\7\exit"), "9009 \r\n");
}
