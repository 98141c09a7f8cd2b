"""Certificate authorities and certificates, made with the openssl command (elliptic keys: milliseconds each)."""
import subprocess
from pathlib import Path

from . import LabError

DAYS = "3650"


def _openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise LabError(f"openssl {arguments[0]} failed: {done.stderr.strip()}")


def make_key(path):
    """An own private key file, unless it exists."""
    if not path.exists():
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)
        path.chmod(0o600)


def make_authority(folder, name):
    """`ca.key` and `ca.crt` in the folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    make_key(folder / "ca.key")
    if not (folder / "ca.crt").exists():
        _openssl("req", "-x509", "-new", "-key", folder / "ca.key", "-days", DAYS, "-subj", f"/CN={name}",
                 "-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature", "-out", folder / "ca.crt")


def issue(folder, name, subject, alternative_names):
    """`NAME.key` and `NAME.crt`, for servers and clients alike, signed by the folder's authority."""
    folder = Path(folder)
    certificate, request, extensions = (folder / f"{name}.{end}" for end in ("crt", "csr", "ext"))
    if certificate.exists():
        return
    make_key(folder / f"{name}.key")
    _openssl("req", "-new", "-key", folder / f"{name}.key", "-subj", subject, "-out", request)
    extensions.write_text(f"subjectAltName={','.join(alternative_names)}\nextendedKeyUsage=serverAuth,clientAuth\n"
                          "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:false\n")
    _openssl("x509", "-req", "-in", request, "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial",
             "-days", DAYS, "-extfile", extensions, "-out", certificate)
    request.unlink()
    extensions.unlink()
