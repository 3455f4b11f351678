"""Runs commands on a simulated host with pywinrm and with pypsrp, over WinRS. Prints one line per fact.

Usage: shell.py HTTP_PORT HTTPS_PORT USER PASSWORD CLIENT WAY. CLIENT is pywinrm or pypsrp; WAY is http or https, and how to log on.
Nobody of ours wrote the clients, so whatever they accept is evidence about our answers.
"""

import sys
import warnings

warnings.simplefilter("ignore")


def with_pywinrm(scheme, port, auth, user, password):
    from winrm.exceptions import WinRMOperationTimeoutError, WSManFaultError
    from winrm.protocol import Protocol

    client = Protocol(endpoint="%s://127.0.0.1:%s/wsman" % (scheme, port), transport=auth, username=user, password=password,
                      server_cert_validation="ignore", operation_timeout_sec=2, read_timeout_sec=10)
    shell = client.open_shell(codepage=65001, env_vars={"SITE": "ulm"})

    def run(command, arguments=()):
        started = client.run_command(shell, command, arguments)
        out, err, code = client.get_command_output(shell, started)
        client.cleanup_command(shell, started)
        return out.decode(), err.decode(), code

    print("echo", run("echo", ["one", "two"]))
    print("environment", run("echo %SITE%"))
    print("unknown", run("nonsense"))
    print("code", run("exit /b 7"))
    print("streams", run("hostname & whoami & type C:\\none"))
    # Silent for longer than one request may take.
    print("long", run("ping -n 2 10.255.255.1 >nul")[2])
    started = client.run_command(shell, "more", console_mode_stdin=False)
    client.send_command_input(shell, started, "first\r\nsecond\r\n", end=True)
    print("input", client.get_command_output(shell, started))
    client.cleanup_command(shell, started)
    try:
        client.get_command_output_raw(shell, started)
        print("finished command answers")
    except WinRMOperationTimeoutError:
        print("finished command is waited for")
    except WSManFaultError as fault:
        print("finished command", fault.wsman_fault_code)
    client.close_shell(shell)
    try:
        client.run_command(shell, "hostname")
        print("closed shell answers")
    except WSManFaultError as fault:
        print("closed shell", fault.wsman_fault_code)


def with_pypsrp(scheme, port, auth, user, password):
    from pypsrp.shell import Process, SignalCode, WinRS
    from pypsrp.wsman import WSMan

    client = WSMan("127.0.0.1", port=int(port), username=user, password=password, auth=auth, ssl=scheme == "https", cert_validation=False,
                   operation_timeout=2, read_timeout=10)
    with client, WinRS(client, environment={"SITE": "ulm"}, working_directory="C:\\Windows", codepage=65001) as shell:
        def run(command, arguments=()):
            process = Process(shell, command, list(arguments))
            process.invoke()
            process.signal(SignalCode.TERMINATE)
            return process.stdout.decode(), process.stderr.decode(), process.rc

        print("echo", run("echo", ["one", "two"]))
        print("directory", run("cd"))
        print("unknown", run("nonsense"))
        print("code", run("exit /b 7"))
        print("lots", len(run("for_each_of_many & type C:\\none & ping -n 2 127.0.0.1")[0]) > 100)
        print("long", run("ping -n 2 10.255.255.1 >nul")[2])
        process = Process(shell, "more")
        process.begin_invoke()
        process.send(b"first\r\n", end=False)
        process.send(b"second\r\n", end=True)
        process.end_invoke()
        process.signal(SignalCode.TERMINATE)
        print("input", (process.stdout.decode(), process.rc))
        stopped = Process(shell, "ping -n 100 127.0.0.1 >nul")
        stopped.begin_invoke()
        stopped.signal(SignalCode.CTRL_C)
        stopped.end_invoke()
        print("stopped", hex(stopped.rc & 0xFFFFFFFF))


def main():
    http, https, user, password, client, way = sys.argv[1:7]
    scheme, auth = way.split("-")
    port = https if scheme == "https" else http
    {"pywinrm": with_pywinrm, "pypsrp": with_pypsrp}[client](scheme, port, auth, user, password)


main()
