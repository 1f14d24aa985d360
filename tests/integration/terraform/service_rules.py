"""What the AWS services accept in the strings of a plan, by the models that their own clients use."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session

# The call that creates a resource, and the names of its members where they differ from Terraform's.
_CALLS: dict[str, tuple[str, str, dict[str, str]]] = {
    "aws_cloudwatch_log_group": ("logs", "CreateLogGroup", {"name": "logGroupName"}),
    "aws_cloudwatch_metric_alarm": ("cloudwatch", "PutMetricAlarm", {}),
    "aws_iam_instance_profile": ("iam", "CreateInstanceProfile", {"name": "InstanceProfileName"}),
    "aws_iam_role": ("iam", "CreateRole", {"name": "RoleName", "assume_role_policy": "AssumeRolePolicyDocument"}),
    "aws_iam_role_policy": ("iam", "PutRolePolicy", {"name": "PolicyName", "policy": "PolicyDocument"}),
    "aws_kms_alias": ("kms", "CreateAlias", {"name": "AliasName"}),
    "aws_kms_key": ("kms", "CreateKey", {}),
    "aws_mwaa_environment": ("mwaa", "CreateEnvironment", {}),
    "aws_s3_bucket": ("s3", "CreateBucket", {}),
    "aws_s3_bucket_metric": ("s3", "PutBucketMetricsConfiguration", {"name": "Id"}),
    "aws_s3_object": ("s3", "PutObject", {}),
    "aws_secretsmanager_secret": ("secretsmanager", "CreateSecret", {}),
    "aws_secretsmanager_secret_version": ("secretsmanager", "PutSecretValue", {}),
    "aws_security_group": ("ec2", "CreateSecurityGroup", {"name": "GroupName"}),
    "aws_sns_topic": ("sns", "CreateTopic", {}),
    "aws_sns_topic_subscription": ("sns", "Subscribe", {}),
    "aws_vpc_security_group_egress_rule": ("ec2", "AuthorizeSecurityGroupEgress", {}),
    "aws_vpc_security_group_ingress_rule": ("ec2", "AuthorizeSecurityGroupIngress", {}),
}
# Their strings are addresses, identifiers and policies, which the provider itself checks.
_WITHOUT_TEXT = {
    "aws_default_security_group",
    "aws_eip",
    "aws_internet_gateway",
    "aws_nat_gateway",
    "aws_route",
    "aws_route_table",
    "aws_route_table_association",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_ownership_controls",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_s3_bucket_versioning",
    "aws_sns_topic_policy",
    "aws_subnet",
    "aws_vpc",
    "aws_vpc_endpoint",
}
# Rules that the services document in prose, and the models therefore lack.
_EC2_TEXT = r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}"
_DOCUMENTED = {
    ("aws_security_group", "description"): _EC2_TEXT,
    ("aws_security_group", "name"): _EC2_TEXT,
    ("aws_vpc_security_group_egress_rule", "description"): _EC2_TEXT,
    ("aws_vpc_security_group_ingress_rule", "description"): _EC2_TEXT,
    ("aws_s3_bucket", "bucket"): r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
    ("aws_s3_bucket_metric", "name"): r"[a-zA-Z0-9.\-_]{1,64}",
    ("aws_secretsmanager_secret", "name"): r"[\w/+=.@-]{1,512}",
    ("aws_sns_topic", "name"): r"[a-zA-Z0-9_-]{1,256}",
}
_TAG = r"[\w .:/=+\-@]{0,256}"


def violations(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield each string that its service would refuse, with the resource and the rule.

    Args:
        plan: as `terraform show -json` returns it.
    """
    session = botocore.session.get_session()
    for change in plan["resource_changes"]:
        kind, values = change["type"], change["change"]["after"]
        if change["mode"] != "managed" or not kind.startswith("aws_") or values is None:
            continue
        for name, value in (values.get("tags_all") or {}).items():
            yield from _check(f"{change['address']}: tag {name}", value, _TAG)
        if kind in _CALLS:
            service, call, names = _CALLS[kind]
            members = session.get_service_model(service).operation_model(call).input_shape.members
            for attribute, value in values.items():
                yield from _check_attribute(change["address"], kind, attribute, value, members, names)
        elif kind not in _WITHOUT_TEXT:
            yield f"{change['address']}: {kind} is in none of the tables of {__name__}"


def _check_attribute(
    address: str, kind: str, attribute: str, value: Any, members: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[str]:
    place = f"{address}: {attribute}"
    if not isinstance(value, str):
        return
    if (kind, attribute) in _DOCUMENTED:
        yield from _check(place, value, _DOCUMENTED[kind, attribute])
    shape = members.get(names.get(attribute, _pascal_case(attribute)))
    if shape is None or shape.type_name != "string":
        return
    facts = shape.metadata
    if not facts.get("min", 0) <= len(value) <= facts.get("max", len(value)):
        yield f"{place} has {len(value)} characters, not {facts.get('min', 0)} to {facts['max']}: {value!r}"
    if "pattern" in facts:
        # Java's class of letters, which Python lacks.
        yield from _check(place, value, re.sub(r"\\p\{[LMNZ]\}", r"\\w", facts["pattern"]))
    if value not in facts.get("enum", [value]):
        yield f"{place} must be one of {', '.join(facts['enum'])}, not {value!r}"


def _check(place: str, value: str, pattern: str) -> Iterator[str]:
    if not re.fullmatch(pattern, value):
        yield f"{place} does not match {pattern}: {value!r}"


def _pascal_case(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
