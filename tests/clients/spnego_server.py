"""A small WS-Management endpoint whose authentication is pyspnego's server side: another author's NTLM and SPNEGO than our client's.

Usage: spnego_server.py USER_FILE [HASH]. USER_FILE holds `domain:user:password` lines. With the name of a hash it speaks TLS with a
certificate that is signed by that hash, and insists on the channel binding. Prints its port, the certificate's fingerprint when it has
one, then one line for each handshake and each request.
Raw NTLM or SPNEGO is told by the client's first token; with KRB5_KTNAME set it takes Kerberos too, as HTTP/localhost. Answers Identify, and Get with one instance. The path says what goes wrong:
/wsman           nothing
/tampered        one bit of each sealed answer is changed
/signature       one bit of each answer's signature is changed
/repeated        the first sealed answer is sent again and again
/plain           answers come in plain text
/plain-fault     answers come in plain text with status 500
/forgetful       each third request of a connection is met with 401
/amnesia         each request is met with 401, handshakes are not
/early           the handshake ends with 200 after the first token
/no-mic          SPNEGO ends without mechListMIC
/basic-only      Negotiate is not offered
/too-long        413 in plain text
"""

import base64
import datetime
import hashlib
import http.server
import os
import re
import ssl
import struct
import sys
import threading

os.environ["NTLM_USER_FILE"] = sys.argv[1]

import spnego
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from spnego.channel_bindings import GssChannelBindings

TYPE = "application/soap+xml;charset=UTF-8"
SPNEGO = "application/HTTP-SPNEGO-session-encrypted"
KERBEROS = "application/HTTP-Kerberos-session-encrypted"
SECURE = len(sys.argv) > 2
SAY = threading.Lock()

ENVELOPE = """<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>%s</s:Header><s:Body>%s</s:Body></s:Envelope>"""
IDENTITY = """<wsmid:IdentifyResponse xmlns:wsmid="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">
<wsmid:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</wsmid:ProtocolVersion>
<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor><wsmid:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</wsmid:ProductVersion>
</wsmid:IdentifyResponse>"""
SERVICE = """<p:Win32_Service xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/Win32_Service">
<p:Name>Alpha</p:Name><p:State>%s</p:State></p:Win32_Service>"""


def say(*words):
    with SAY:
        print(*words, flush=True)


def certificate(directory, algorithm):
    """Writes a certificate and its key to one file; gives the file and the certificate's octets."""
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(days=1))
    made = made.sign(key, getattr(hashes, algorithm.upper())())
    path = os.path.join(directory, "server.pem")
    with open(path, "wb") as file:
        file.write(made.public_bytes(Encoding.PEM))
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path, made.public_bytes(Encoding.DER)


PEM, BINDINGS = None, None
if SECURE:
    PEM, DER = certificate(os.path.dirname(sys.argv[1]), sys.argv[2])
    BINDINGS = GssChannelBindings(application_data=b"tls-server-end-point:" + hashlib.new(sys.argv[2], DER).digest())


def envelope(text):
    if "Identify" in text:
        return ENVELOPE % ("", IDENTITY)
    message = re.search(r"MessageID[^>]*>([^<]*)<", text).group(1)
    header = "<a:Action>http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse</a:Action><a:RelatesTo>%s</a:RelatesTo>"
    # Long and not ASCII, so that a seal over characters instead of octets would show.
    return ENVELOPE % (header % message, SERVICE % ("Läuft" * 500))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.context, self.wrapping, self.requests, self.first, self.sealed = None, None, 0, None, SPNEGO

    def log_message(self, *_):
        pass

    def answer(self, status, headers=(), body=b"", media_type=TYPE):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def offer(self):
        offered = ["Basic realm=\"WSMAN\""] if self.path == "/basic-only" else ["Negotiate", "Kerberos", "Basic realm=\"WSMAN\""]
        self.answer(401, [("WWW-Authenticate", words) for words in offered])

    def shake_hands(self):
        words = self.headers.get("Authorization", "")
        scheme, _, token = words.partition(" ")
        if self.path == "/basic-only" or scheme not in ("Negotiate", "Kerberos"):
            return self.offer()
        token = base64.b64decode(token)
        if scheme == "Kerberos":
            self.wrapping, self.sealed = "kerberos", KERBEROS
            self.context = spnego.server(hostname="localhost", service="HTTP", protocol="kerberos", channel_bindings=BINDINGS)
        elif self.context is None or self.context.complete:
            self.wrapping = "raw" if token.startswith(b"NTLMSSP\0") else "spnego"
            protocol, options = ("ntlm", spnego.NegotiateOptions.use_ntlm) if self.wrapping == "raw" else (
                "negotiate", spnego.NegotiateOptions.use_negotiate)
            self.context = spnego.server(protocol=protocol, options=options, channel_bindings=BINDINGS)
            self.requests = 0
        if self.path == "/early":
            return self.answer(200)
        try:
            told = self.context.step(token)
        except Exception as error:
            say("refused", self.wrapping, type(error).__name__)
            self.context = None
            return self.offer()
        headers = [("WWW-Authenticate", scheme + " " + base64.b64encode(told).decode())] if told else []
        if not self.context.complete:
            return self.answer(401, headers)
        say("admitted", self.wrapping, self.context.negotiated_protocol, self.context.client_principal)
        return self.answer(200, [] if self.path == "/no-mic" else headers)

    def open(self, body):
        kind = self.headers["Content-Type"]
        assert kind == 'multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % self.sealed, kind
        _, what, rest = body.split(b"--Encrypted Boundary\r\n", 2)
        assert b"\tContent-Type: " + self.sealed.encode() + b"\r\n" in what, what
        length = int(re.search(rb"\tOriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n$", what).group(1))
        rest = rest.removeprefix(b"\tContent-Type: application/octet-stream\r\n").removesuffix(b"--Encrypted Boundary--\r\n")
        count = struct.unpack("<I", rest[:4])[0]
        plain = self.context.unwrap_winrm(rest[4:4 + count], rest[4 + count:])
        assert len(plain) == length, (len(plain), length)
        return plain

    def seal(self, plain):
        header, data, padding = self.context.wrap_winrm(plain)
        if self.path == "/tampered":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if self.path == "/signature":
            header = header[:5] + bytes([header[5] ^ 1]) + header[6:]
        # Without tabs, as Windows writes it.
        head = "--Encrypted Boundary\r\nContent-Type: %s\r\nOriginalContent: type=%s;Length=%d\r\n--Encrypted Boundary\r\n" \
            "Content-Type: application/octet-stream\r\n" % (self.sealed, TYPE, len(plain) + padding)
        body = head.encode() + struct.pack("<I", len(header)) + header + data + b"--Encrypted Boundary--\r\n"
        if self.path == "/repeated":
            self.first = body = self.first or body
        return body

    def do_POST(self):
        if "Content-Length" not in self.headers:
            return self.answer(411)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not body:
            return self.shake_hands()
        if self.context is None or not self.context.complete:
            return self.offer()
        self.requests += 1
        if self.path == "/amnesia" or self.path == "/forgetful" and self.requests == 3:
            say("forgotten")
            self.context = None
            return self.offer()
        if self.path == "/too-long":
            return self.answer(413)
        plain = body if SECURE else self.open(body)
        say("request", "Identify" if b"Identify" in plain else "Get", "plain" if SECURE else "sealed")
        told = envelope(plain.decode()).encode()
        if SECURE or self.path in ("/plain", "/plain-fault"):
            return self.answer(500 if self.path == "/plain-fault" else 200, body=told)
        self.answer(200, body=self.seal(told), media_type='multipart/encrypted;protocol="%s";boundary="Encrypted Boundary"' % self.sealed)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
if SECURE:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(PEM)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
say(server.server_address[1])
if SECURE:
    say(hashlib.sha256(DER).hexdigest())
server.serve_forever()
