"""Access to S3 with the credentials of an Airflow connection, for obstore and deltalake alike."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import S3Store

from orchestration.settings import Settings
from orchestration.store_clock import StoreClock, parse_date
from spark_jobs.errors import StorageError, StorageRefusedError
from spark_jobs.lake.master_file import MasterFile
from spark_jobs.store import failures
from spark_jobs.store.address import Address, parse_address, parse_object_address
from spark_jobs.store.error_codes import ENVIRONMENT, Access
from spark_jobs.store.failures import cause, storage_failure
from spark_jobs.store.objects import Objects, http_endpoint

# boto3 renews credentials at least ten minutes before they expire.
_CREDENTIALS_TTL = timedelta(minutes=5)


@dataclass(frozen=True)
class Patience:
    """Time limits of one request, and the retries of the client; `Objects` retries on top of them."""

    connect_seconds: float = 10
    read_seconds: float = failures.REQUEST_SECONDS
    request_seconds: float = failures.REQUEST_SECONDS
    retries: int = failures.MAX_RETRIES


class Storage:
    """The storage that the settings name.

    `aws_connection` provides credentials, region, endpoint, `verify`, proxies and the addressing style; without one
    they come from the machine, as boto3 finds them.

    Attributes:
        access: the same, in words for error messages.

    Raises:
        StorageError: `aws_connection` cannot be read.
        StorageRefusedError: there are no credentials.
    """

    def __init__(self, settings: Settings, patience: Patience | None = None) -> None:
        _verify_connection(settings.aws_connection)
        self._settings = settings
        self._patience = patience or Patience()
        self.access = _access(settings.aws_connection)
        hook = AwsBaseHook(aws_conn_id=settings.aws_connection or None, client_type="s3")
        self._hook = hook
        self._clock = StoreClock(self._ask_time, time.monotonic)
        # The session renews credentials that expire.
        self._session = hook.get_session()
        self._endpoint = hook.conn_config.get_service_endpoint_url("s3")
        self._verify = hook.verify
        self._config = hook.config
        try:
            self._credentials = Boto3CredentialProvider(self._session, ttl=_CREDENTIALS_TTL)
        except ValueError as error:
            remedy = "set the setting `aws_connection`, or give this machine a role"
            msg = f"{settings.lake}: no AWS credentials found; {remedy}"
            raise StorageRefusedError(msg) from error

    @cached_property
    def lake(self) -> Objects:
        """The lake."""
        return self._open(parse_address(self._settings.lake))

    @cached_property
    def master_file(self) -> MasterFile:
        """The master file."""
        folder, name = parse_object_address(self._settings.source)
        return MasterFile(self._open(folder), name)

    def now(self) -> datetime:
        """Return the time by S3's clock, which the times of the objects are from.

        Raises:
            StorageError: S3 does not respond.
        """
        return self._clock.now()

    def delta_options(self) -> dict[str, str]:
        """Return options with which `deltalake` reads the lake, with credentials that are valid now.

        Raises:
            StorageError, StorageRefusedError: there are no such credentials.
        """
        try:
            credentials = self._credentials.credentials.get_frozen_credentials()
        except (BotoCoreError, ClientError) as error:
            raise storage_failure(self._settings.lake, error, self.access) from cause(error)
        values = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token,
            "AWS_REGION": self._session.region_name,
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true" if self._virtual_hosted else None,
            "AWS_ALLOW_HTTP": "true" if self._allow_http else None,
            "allow_invalid_certificates": "true" if self._verify is False else None,
            "proxy_url": self._proxy,
            "connect_timeout": f"{self._patience.connect_seconds}s",
            "timeout": f"{self._patience.request_seconds}s",
            "max_retries": str(self._patience.retries),
            "retry_timeout": f"{failures.RETRY_SECONDS}s",
        }
        return {name: value for name, value in values.items() if value}

    def _ask_time(self) -> datetime:
        lake = self._settings.lake
        try:
            headers = self._client.head_bucket(Bucket=parse_address(lake).bucket)["ResponseMetadata"]["HTTPHeaders"]
        except ClientError as error:
            # A refusal has the time as well.
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        except BotoCoreError as error:
            msg = f"{lake}: S3 did not say what time it is ({type(error).__name__}); check the network, see the log"
            raise StorageError(msg) from error
        return parse_date(headers, lake)

    @cached_property
    def _client(self) -> Any:
        patience = Config(
            connect_timeout=self._patience.connect_seconds,
            read_timeout=self._patience.read_seconds,
            retries={"total_max_attempts": self._patience.retries + 1},
        )
        return self._hook.get_client_type(config=(self._config or Config()).merge(patience))

    @property
    def _allow_http(self) -> bool:
        return self._endpoint.startswith("http://") if self._endpoint else http_endpoint()

    @property
    def _virtual_hosted(self) -> bool:
        return (getattr(self._config, "s3", None) or {}).get("addressing_style") == "virtual"

    @property
    def _proxy(self) -> str | None:
        return (getattr(self._config, "proxies", None) or {}).get("https")

    def _open(self, address: Address) -> Objects:
        client: Any = {
            "allow_http": self._allow_http,
            "connect_timeout": timedelta(seconds=self._patience.connect_seconds),
            "read_timeout": timedelta(seconds=self._patience.read_seconds),
            "timeout": timedelta(seconds=self._patience.request_seconds),
        }
        if self._verify is False:
            client["allow_invalid_certificates"] = True
        elif isinstance(self._verify, str):
            client["root_certificate"] = Path(self._verify).read_bytes()
        if self._proxy:
            client["proxy_url"] = self._proxy
        config: Any = {"endpoint": self._endpoint} if self._endpoint else {}
        if self._virtual_hosted:
            config["virtual_hosted_style_request"] = True
        store = S3Store(
            address.bucket,
            prefix=address.path or None,
            config=config,
            client_options=client,
            retry_config={
                "max_retries": self._patience.retries,
                "retry_timeout": timedelta(seconds=failures.RETRY_SECONDS),
            },
            credential_provider=self._credentials,
        )
        return Objects(store, address, self.access)


def _verify_connection(connection_id: str) -> None:
    """Verify that a connection can be read; Airflow's hook would use the machine's own credentials instead."""
    try:
        if connection_id:
            BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        msg = f"connection {connection_id} cannot be read; create it, or fix the setting `aws_connection`"
        raise StorageError(msg) from error


def _access(connection: str) -> Access:
    if not connection:
        return ENVIRONMENT
    name = f"the Airflow connection `{connection}`"
    return Access(credentials=name, grantee=f"the role or user of {name}", region=f"`region_name` of {name}")
