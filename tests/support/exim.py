"""A private Exim, unpacked and never installed: own configuration, spool and ports; the system's mail server stays."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.packages import PROVES
from tests.support.ports import PATIENCE, greets, wait_for

EXIM = PROVES["exim4-daemon-light"]
PASSWORD = "correct horse"  # of every login
# As little as a server where customers log in can do with; {main} and the others are the pieces of a recipe.
CONFIGURATION = """\
exim_path = {exim}
exim_user = mail
exim_group = mail
spool_directory = {directory}/spool
log_file_path = {directory}/spool/%slog
primary_hostname = submission.example
deliver_drop_privilege = true
keep_environment =
tls_advertise_hosts =
domainlist local_domains = local.example
acl_smtp_rcpt = check_rcpt
acl_smtp_data = check_data
acl_not_smtp = check_programs
{main}
begin acl
check_rcpt:
  accept authenticated = *
  accept hosts = 127.0.0.1
    condition = ${{if eq {{$received_port}}{{{back}}}}}
  deny
check_data:
{acl}
  accept
check_programs:
{programs}
  accept
begin routers
{routers}
internet:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = internet
begin transports
{transports}
internet:
  driver = smtp
  port = {internet}
begin retry
* * F,1h,1s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_set_id = $auth2
  server_condition = ${{if eq {{$auth3}}{{{password}}}}}
"""


class Exim:
    """One server. A context manager: leaving it stops it and removes its directory."""

    def __init__(self, pieces: Mapping[str, str], port: int, back: int, internet: int) -> None:
        """Listens on `port` for customers and on `back` for the hop, which `pieces` must say; sends to `internet`."""
        self.port = port
        self.directory = Path(tempfile.mkdtemp(prefix="exim-"))
        self._back = back
        places = {"exim": EXIM, "directory": self.directory, "back": back, "internet": internet, "password": PASSWORD}
        self._configuration = self.directory / "exim.conf"
        self._configuration.write_text(CONFIGURATION.format(**pieces, **places), "utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory.chmod(0o755)
        spool = self.directory / "spool"
        spool.mkdir(mode=0o750)
        shutil.chown(spool, "mail", "mail")
        with (self.directory / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [EXIM, "-C", self._configuration, "-bdf", "-q1s", "-oP", self.directory / "pid"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            wait_for(lambda: greets(self.port, b"220 ") and greets(self._back, b"220 "), "Exim greets")
        except TimeoutError as error:
            log = self.log()
            self.__exit__(None, None, None)
            msg = f"{error}\n{log}"
            raise TimeoutError(msg) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self) -> str:
        files = (self.directory / "output", self.directory / "spool" / "mainlog", self.directory / "spool" / "paniclog")
        return "".join(file.read_text("utf-8", "replace") for file in files if file.exists())

    def hand_in(self, recipient: str, content: bytes) -> None:
        """As a program of this host does, by the command that is called sendmail."""
        subprocess.run([EXIM, "-C", self._configuration, "-oi", recipient], input=content, check=True, timeout=PATIENCE)

    def queue(self) -> str:
        """What waits, as `mailq` tells it."""
        done = subprocess.run(
            [EXIM, "-C", self._configuration, "-bp"], capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return done.stdout
