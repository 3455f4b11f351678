"""What a simulated host refuses of NTLM: messages that were touched or not sealed, handshakes that belong to another TLS connection.

Usage: seal.py HTTP_PORT HTTPS_PORT USER PASSWORD. Prints one line per fact.
Each refusal is made by changing one thing in pypsrp, whose unchanged form is let in.
"""

import sys
import warnings
import xml.etree.ElementTree as ET

warnings.simplefilter("ignore")
from pypsrp.negotiate import HTTPNegotiateAuth
from pypsrp.wsman import SelectorSet, WSMan

SERVICE = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service"


def get(client):
    """What comes of asking for a service."""
    selectors = SelectorSet()
    selectors.add_option("Name", "WinRM")
    try:
        return client.get(SERVICE, selector_set=selectors).find(".//{%s}State" % SERVICE).text
    except Exception as refused:
        return ("%s %s" % (type(refused).__name__, getattr(refused, "code", ""))).strip()


def touched(client, place):
    """Flips a bit of the first sealed message: of its signature (0) or of its ciphertext (1)."""
    transport = client.transport
    build = transport.send

    def send(message, **more):
        if transport.encryption is not None:
            wrap = transport.encryption.context.wrap_winrm

            def wrap_winrm(data):
                parts = list(wrap(data))
                middle = len(parts[place]) // 2
                parts[place] = parts[place][:middle] + bytes([parts[place][middle] ^ 1]) + parts[place][middle + 1:]
                return tuple(parts)

            transport.encryption.context.wrap_winrm = wrap_winrm
        return build(message, **more)

    transport.send = send
    return client


def main():
    http, https, user, password = sys.argv[1:5]

    def sealed(auth, **more):
        return WSMan("127.0.0.1", port=int(http), username=user, password=password, ssl=False, auth=auth, **more)

    def secure(auth, **more):
        return WSMan("127.0.0.1", port=int(https), username=user, password=password, ssl=True, auth=auth, cert_validation=False, **more)

    for auth in ("negotiate", "ntlm"):
        for place, name in ((0, "signature"), (1, "message")):
            client = sealed(auth)
            print(auth, "untouched", get(client))
            print(auth, name, "touched", get(touched(client, place)))
        print(auth, "not sealed", get(sealed(auth, encryption="never")))
        print(auth, "sealed inside TLS", get(secure(auth, encryption="always")))
        print(auth, "bound", get(secure(auth)))
        print(auth, "not bound", get(secure(auth, negotiate_send_cbt=False)))
        honest = HTTPNegotiateAuth._get_cbt_data
        HTTPNegotiateAuth._get_cbt_data = staticmethod(lambda response: b"tls-server-end-point:" + bytes(32))
        print(auth, "bound elsewhere", get(secure(auth)))
        HTTPNegotiateAuth._get_cbt_data = staticmethod(honest)


main()
