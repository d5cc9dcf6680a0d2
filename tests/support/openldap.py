"""A private OpenLDAP: one directory for a whole run of tests, and a branch of its own for each test.

Listens on free ports of the loopback interface, with and without TLS, and on a unix socket in its directory. Beside
`inetOrgPerson` it knows Microsoft's schema (`user`, `unicodePwd`), which Debian's slapd brings along. It is no Active
Directory: it keeps what it gets in `unicodePwd` as it came, so a test can look at every octet.
"""

import base64
import os
import subprocess
from itertools import count
from pathlib import Path
from urllib.parse import quote

from tests.support.certificates import make_certificate
from tests.support.ports import HOST, PATIENCE, free_port, wait_for
from tests.support.private_server import PrivateServer

MICROSOFT = Path("/etc/ldap/schema/msuser.schema")
SUFFIX = "dc=example,dc=org"
ROOT_DN, ROOT_PASSWORD = f"cn=root,{SUFFIX}", "root secret"
BIND_DN, BIND_PASSWORD = f"cn=detector,{SUFFIX}", "bind secret"
"""Who the detector is. Its rights are the least: the first rule below sets passwords (and lets nobody read them), the
second one finds accounts, the third one reads what a customer directory tells."""

CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include {directory}/msuser.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {directory}/pid
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSCACertificateFile {certificate}
database mdb
directory {directory}/data
maxsize 16777216
dbnosync
suffix "{suffix}"
rootdn "{root_dn}"
rootpw "{root_password}"
access to attrs=userPassword,unicodePwd
    by dn.exact="{bind_dn}" =w
    by anonymous auth
    by * none
access to attrs=entry,objectClass,cn,uid,mail,userPrincipalName
    by dn.exact="{bind_dn}" read
    by * none
access to attrs=sn,displayName,preferredLanguage,mobile,postalAddress
    by dn.exact="{bind_dn}" read
    by * none
access to *
    by * none
"""
BASE_ENTRIES = f"""\
dn: {SUFFIX}
objectClass: organization
objectClass: dcObject
o: example

dn: {BIND_DN}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: detector
userPassword: {BIND_PASSWORD}
"""


class OpenLDAP(PrivateServer):
    """Running from the beginning."""

    def __init__(self) -> None:
        super().__init__("openldap")
        self.tls_port = free_port()
        self.certificate = make_certificate(self.directory, HOST)
        self._numbers = count(1)
        (self.directory / "data").mkdir()
        self._configuration = self.directory / "slapd.conf"
        # The schema does not say how values are compared; Windows does it without regard to case.
        name = "NAME 'userPrincipalName'"
        schema = MICROSOFT.read_text("utf-8").replace(name, f"{name} EQUALITY caseIgnoreMatch")
        (self.directory / "msuser.schema").write_text(schema, "utf-8")
        text = CONFIGURATION.format(
            directory=self.directory, certificate=self.certificate.path, key=self.certificate.key_path, suffix=SUFFIX,
            root_dn=ROOT_DN, root_password=ROOT_PASSWORD, bind_dn=BIND_DN,
        )  # fmt: skip
        self._configuration.write_text(text, "utf-8")
        self._run(["/usr/sbin/slapadd", "-q", "-f", str(self._configuration)], BASE_ENTRIES)
        self.start()

    @property
    def url(self) -> str:
        return f"ldap://{HOST}:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://{HOST}:{self.tls_port}"

    @property
    def socket_url(self) -> str:
        return f"ldapi://{quote(str(self.directory / 'socket'), safe='')}"

    def _start(self) -> None:
        urls = " ".join((self.url, self.tls_url, self.socket_url))
        self._begin(["/usr/sbin/slapd", "-d", "0", "-h", urls, "-f", self._configuration])
        wait_for(self._answers, f"slapd answers, see {self.log}")

    def fresh(self) -> str:
        """Make an empty branch; its name."""
        name = f"ou=test{next(self._numbers)},{SUFFIX}"
        self.add(f"dn: {name}\nobjectClass: organizationalUnit\nou: {name.partition(',')[0].partition('=')[2]}\n")
        return name

    def add(self, ldif: str) -> None:
        """As superuser."""
        self._run(["/usr/bin/ldapadd", *self._as_root()], ldif)

    def values(self, name: str, attribute: str) -> list[bytes]:
        """What stands in the attribute of an entry, octet for octet. As superuser."""
        search = ["-LLL", "-o", "ldif_wrap=no", "-b", name, "-s", "base", "(objectClass=*)", attribute]
        lines = self._run(["/usr/bin/ldapsearch", *self._as_root(), *search]).splitlines()
        pairs = [line[len(attribute) + 1 :] for line in lines if line.startswith(f"{attribute}:")]
        return [
            base64.b64decode(text[1:]) if text.startswith(":") else text.removeprefix(" ").encode() for text in pairs
        ]

    def accepts(self, name: str, password: str) -> bool:
        """Whether somebody can bind so."""
        secret = self.directory / "password"
        secret.write_text(password, "utf-8")
        whoami = ["/usr/bin/ldapwhoami", "-x", "-H", self.socket_url, "-D", name, "-y", str(secret)]
        done = subprocess.run(whoami, capture_output=True, check=False, timeout=PATIENCE, env=self._clean())
        return done.returncode == 0

    def _as_root(self) -> list[str]:
        return ["-x", "-H", self.socket_url, "-D", ROOT_DN, "-w", ROOT_PASSWORD]

    def _answers(self) -> bool:
        return (self.directory / "socket").exists() and self.accepts(ROOT_DN, ROOT_PASSWORD)

    def _run(self, command: list[str], text: str = "") -> str:
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=PATIENCE, env=self._clean()
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @staticmethod
    def _clean() -> dict[str, str]:
        """Without what this host's ldap.conf says."""
        return {**os.environ, "LDAPNOINIT": "1"}
