"""The shell commands by which an operator empties a Postfix queue of the mail of one account."""

import shlex


def commands(account: str) -> tuple[str, str]:
    """One that lists the queue ids, and one that deletes what was listed; in one shell, as root.

    `postqueue -j` does not tell who had logged in; the queue files do, as an attribute that smtpd(8) writes.
    """
    login = shlex.quote(f"named_attribute: sasl_username={account}")
    each_id = """postqueue -j | sed 's/.*"queue_id": "\\([^"]*\\)".*/\\1/'"""
    # -i: the login stands there as the customer has typed it.
    found = f'while read -r id; do postcat -qe "$id" | grep -qixF -e {login} && echo "$id"; done'
    return f'ids=$({each_id} | {found}); echo "$ids"', 'echo "$ids" | postsuper -d -'
