"""Changes passwords in LDAP directories: OpenLDAP and its kin by RFC 3062, Active Directory by its own attribute."""

from detector.config import ActiveDirectoryPassword, LdapPassword
from detector.ports import Secret
from detector.response.ldap import LdapTools, encoded

PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.1"  # RFC 3062 section 2


class LdapPasswords:
    """`ldappasswd` for the account's entry: the directory hashes the password and keeps its own rules.

    Setting the same request again sets another unknown password: harmless, so `request_id` is not remembered.
    """

    def __init__(self, settings: LdapPassword, password: Secret) -> None:
        self._tools = LdapTools(settings, password)

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - see the class
        """Raises `Refused` for an unknown account, missing rights and the like, `Temporary` when nobody answers."""
        entry = self._tools.find_one(account)
        self._tools.run("ldappasswd", "--", entry.name, new=password)
        return "set by LDAP password modify"

    def check(self) -> str:
        """Whether we may write a password shows only when one is written."""
        return self._tools.check("ldappasswd", PASSWORD_MODIFY)


class ActiveDirectoryPasswords:
    """A new `unicodePwd`: in double quotes, UTF-16 in little-endian order (MS-ADTS section 3.1.1.3.1.5).

    A replacement by somebody with the right to reset passwords; the old one is not needed. Doing it again is harmless.
    """

    def __init__(self, settings: ActiveDirectoryPassword, password: Secret) -> None:
        self._tools = LdapTools(settings, password)

    def change_password(self, account: str, password: Secret, request_id: str) -> str:  # noqa: ARG002 - see the class
        entry = self._tools.find_one(account)
        value = encoded(f'"{password.text}"'.encode("utf-16-le"))
        change = ("changetype: modify", "replace: unicodePwd", f"unicodePwd:: {value}", "-", "")
        self._tools.run("ldapmodify", text="\n".join((f"dn:: {encoded(entry.name)}", *change)))
        return "set in Active Directory"

    def check(self) -> str:
        """Whether we may reset a password shows only when one is reset."""
        return self._tools.check("ldapmodify")
