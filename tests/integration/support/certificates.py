"""A CA for one test, and the certificates that it issues."""
import ssl
import subprocess

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
LOCAL = "DNS:localhost,IP:127.0.0.1"


def openssl(*args, **options):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True,
                          text=True, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Pair:
    """A certificate and its key, as files."""

    def __init__(self, folder, name):
        self.cert = folder / f"{name}.crt"
        self.key = folder / f"{name}.key"

    def not_after(self):
        text = openssl("x509", "-in", self.cert, "-noout", "-enddate")
        return ssl.cert_time_to_seconds(text.strip().partition("=")[2])

    def replace(self, other):
        """Takes the other's place, as a renewal does."""
        other.cert.replace(self.cert)
        other.key.replace(self.key)


class Authority:
    def __init__(self, folder, name="ca"):
        self.folder = folder / name
        self.folder.mkdir()
        self.own = Pair(self.folder, "ca")
        self.cert = self.own.cert
        openssl("req", "-x509", *NEW_KEY, "-days", 30, "-subj", f"/CN={name}",
                "-keyout", self.own.key, "-out", self.own.cert)

    def issue(self, name, names=LOCAL, days=20):
        """days < 0: it has expired."""
        pair = Pair(self.folder, name)
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n"
                              "extendedKeyUsage=serverAuth,clientAuth\n")
        openssl("req", *NEW_KEY, "-subj", f"/CN={name}", "-keyout", pair.key,
                "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.own.cert, "-CAkey",
                self.own.key, "-CAcreateserial", "-days", days, "-extfile",
                extensions, "-out", pair.cert)
        return pair


def self_signed(folder):
    pair = Pair(folder, "self")
    openssl("req", "-x509", *NEW_KEY, "-days", 30, "-subj", "/CN=self",
            "-addext", f"subjectAltName={LOCAL}", "-keyout", pair.key, "-out",
            pair.cert)
    return pair
