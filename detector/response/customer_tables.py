"""Customer directories in databases and LDAP servers that other programs own."""

from detector.config import ConfigError, LdapDirectory, SqlDirectory
from detector.ports import Contact, Refused, Secret
from detector.response.contact import FIELDS, WAYS, contact_of, is_hijacked
from detector.response.ldap import Entry, LdapTools
from detector.response.sql import SqlDatabase, about, with_texts


class SqlCustomers:
    """One SELECT in a transaction that cannot write. Columns have the names of `contact.FIELDS`."""

    def __init__(self, settings: SqlDirectory, password: Secret | None) -> None:
        """Raises `ConfigError` when the file of certificates cannot be read."""
        self._database = SqlDatabase(settings, password, read_only=True)
        self._select = with_texts(settings.select)

    def contact(self, account: str) -> Contact | None:
        """Raises `Refused` for more than one row and for one without a way to the customer, `Temporary` as it is."""
        with self._database.transaction() as connection:
            rows = connection.execute(self._select, about(account)).mappings().fetchmany(2)
        if len(rows) > 1:
            msg = f"the customer directory has more than one row for {account}"
            raise Refused(msg)
        return _contact(account, dict(rows[0])) if rows else None

    def check(self) -> str:
        """Ask for nobody, and look at the names of the columns. Raises `ConfigError`."""
        with self._database.checking() as connection:
            columns = list(connection.execute(self._select, about("nobody@invalid")).keys())
        strange = [column for column in columns if column not in FIELDS]
        if strange or not set(columns) & set(WAYS):
            told = f"'{strange[0]}' is none" if strange else "no way to the customer is among them"
            msg = f"customer directory {self._database.shown}: columns are {', '.join(FIELDS)}; {told}"
            raise ConfigError(msg)
        return f"customer directory {self._database.shown}: tells {', '.join(columns)}"


class LdapCustomers:
    """The entry of the customer. Of several values the first counts; of addresses, the first that a thief cannot read.

    `postalAddress` has `$` between its lines (RFC 4517 section 3.3.28), and `preferredLanguage` may name several with
    weights (RFC 2798 section 2.7).
    """

    def __init__(self, settings: LdapDirectory, password: Secret) -> None:
        self._tools = LdapTools(settings, password)
        attributes = {field: getattr(settings.attributes, field) for field in FIELDS}
        self._attributes = {field: attribute for field, attribute in attributes.items() if attribute}

    def contact(self, account: str) -> Contact | None:
        """Raises `Refused` for more than one entry and for one without a way to the customer, `Temporary` as it is."""
        entry = self._tools.find(account, tuple(self._attributes.values()))
        return None if entry is None else _contact(account, self._values(entry, account))

    def check(self) -> str:
        return "customer directory " + self._tools.check("ldapsearch")

    def _values(self, entry: Entry, account: str) -> dict[str, str]:
        found = {field: entry.values.get(name.lower(), ()) for field, name in self._attributes.items()}
        safe = [address for address in found.get("address", ()) if not is_hijacked(address, account)]
        found["address"] = (*safe, *found.get("address", ()))
        values = {field: texts[0] for field, texts in found.items() if texts}
        if "language" in values:
            values["language"] = values["language"].partition(",")[0].partition(";")[0]
        if "postal_address" in values:
            values["postal_address"] = _lines(values["postal_address"])
        return values


def _contact(account: str, values: dict[str, object] | dict[str, str]) -> Contact:
    try:
        return contact_of(account, values)
    except ValueError as error:
        msg = f"the customer directory's answer cannot be used: {error}"
        raise Refused(msg) from error


def _lines(postal_address: str) -> str:
    """The lines of a postal address, which has `$` between them and two characters escaped."""
    return postal_address.replace("$", "\n").replace("\\24", "$").replace("\\5C", "\\").replace("\\5c", "\\")
