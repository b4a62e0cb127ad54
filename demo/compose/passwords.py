"""Make every password and key of docker-compose.yaml on the first start: in DIRECTORY a folder for each that has
secrets, which is a volume that only its containers mount.

    python -m demo.compose.passwords DIRECTORY

Nothing is ever overwritten: PostgreSQL and Airflow keep what they were first started with. Each start tells how to log
in to Airflow.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

USERNAME = "admin"
USERS_FILE = "airflow-users.json"


def main(directory: Path) -> None:
    """Write what is missing in `directory`, and print the login."""
    airflow, users, database_folder, redis, cluster = (
        _folder(directory / name) for name in ("airflow", "users", "database", "redis", "cluster")
    )
    database = _once(database_folder / "postgres-password", _password)
    _once(airflow / "database-url", lambda: f"postgresql+psycopg2://airflow:{database}@postgres/airflow")
    broker = _once(redis / "redis-password", _password)
    _once(airflow / "broker-url", lambda: f"redis://:{broker}@redis:6379/0")
    # Redis gives up root before it reads this, and is then neither Airflow's user nor in its group.
    _once(redis / "redis.conf", lambda: f"requirepass {broker}\nappendonly yes\n", mode=0o644)
    _once(airflow / "fernet-key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    _once(airflow / "api-secret-key", _password)
    _once(airflow / "jwt-secret", lambda: secrets.token_urlsafe(64))
    _once(cluster / "service-account.key", _rsa_key)
    token = _once(cluster / "cluster-token", _password)
    _once(cluster / "cluster-tokens.csv", lambda: f'{token},admin,admin,"system:masters"\n')
    passwords = json.loads(_once(users / USERS_FILE, lambda: json.dumps({USERNAME: _password()})))
    print(f"Log in to Airflow as {USERNAME} with the password {passwords[USERNAME]}", flush=True)


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path


def _once(path: Path, make: Callable[[], str], mode: int = 0o600) -> str:
    """What the file holds, made first if there is none."""
    if not path.exists():
        # Whole or not at all: a start that is interrupted must not leave an empty password behind.
        draft = path.with_suffix(".draft")
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(make())
        draft.chmod(mode)
        draft.replace(path)
    return path.read_text()


def _password() -> str:
    return secrets.token_urlsafe(18)


def _rsa_key() -> str:
    """What kube-apiserver signs the tokens of service accounts with, in PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
