"""Configuration of `poolgate serve` for tests: the file, an account's roles, an identity pool, a user pool's groups.

The JSON files have the shapes that `aws iam get-account-authorization-details`, `aws cognito-identity
describe-identity-pool` and `get-identity-pool-roles`, and `aws cognito-idp list-groups` print.
"""

import json
from pathlib import Path

from gate import ACCOUNT, REGION, free_ports, start

IDENTITY_POOL = f"{REGION}:11111111-2222-4333-8444-555555555555"
API = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:interopapi/prod"


def role_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def statement(effect, *what):
    """An execute-api statement of `METHOD/path` patterns."""
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": [f"{API}/{each}" for each in what]}


def role(name, statements):
    """A `RoleDetail` that the identity pool may assume."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": "cognito-identity.amazonaws.com"},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {"cognito-identity.amazonaws.com:aud": IDENTITY_POOL},
                    "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
                },
            }
        ],
    }
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": ("AROA" + name.upper() + "0" * 17)[:21],
        "Arn": role_arn(name),
        "CreateDate": "2026-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": trust,
        "InstanceProfileList": [],
        "RolePolicyList": [
            {"PolicyName": "inline", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
        ],
        "AttachedManagedPolicies": [],
        "Tags": [],
    }


# Reader reads, Writer also posts and puts orders, Authenticated may look at one place only.
ROLES = {
    "Reader": [statement("Allow", "GET/orders/*")],
    "Writer": [
        statement("Allow", "GET/*", "POST/orders/*", "PUT/orders/*", "HEAD/*"),
        statement("Deny", "*/orders/secret/*"),
    ],
    "Authenticated": [statement("Allow", "GET/orders/public/*")],
}

GROUPS = {"readers": ("Reader", 20), "writers": ("Writer", 10)}


def groups_export(pool):
    """What `aws cognito-idp list-groups` prints."""
    return {
        "Groups": [
            {
                "GroupName": name,
                "UserPoolId": pool,
                "RoleArn": role_arn(role_name),
                "Precedence": precedence,
                "LastModifiedDate": "2026-01-01T00:00:00+00:00",
                "CreationDate": "2026-01-01T00:00:00+00:00",
            }
            for name, (role_name, precedence) in GROUPS.items()
        ]
    }


def identity_pool(pool, client):
    provider = f"cognito-idp.{REGION}.amazonaws.com/{pool}"
    return {
        "IdentityPoolId": IDENTITY_POOL,
        "IdentityPoolName": "interop",
        "AllowUnauthenticatedIdentities": False,
        "AllowClassicFlow": False,
        "CognitoIdentityProviders": [
            {"ProviderName": provider, "ClientId": client, "ServerSideTokenCheck": False}
        ],
        "Roles": {"authenticated": role_arn("Authenticated")},
        "RoleMappings": {
            f"{provider}:{client}": {"Type": "Token", "AmbiguousRoleResolution": "AuthenticatedRole"}
        },
    }


def write_account(folder, pool, client, roles=None, groups=None):
    """Writes `policies/` beside the configuration file: roles, identity pool, groups."""
    files = {
        "policies/identity-pools/interop.json": identity_pool(pool, client),
        "policies/user-pools/groups.json": groups or groups_export(pool),
    }
    for name, statements in (roles or ROLES).items():
        files[f"policies/roles/{name}.json"] = role(name, statements)
    for path, document in files.items():
        target = Path(folder) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(document, indent=2))


def configuration(proxy, admin, pools, routes, more=""):
    """The text of poolgate.yaml; `pools` and `routes` are YAML list items, two spaces deep."""
    return f"""\
listen:
  proxy: {{ address: "127.0.0.1:{proxy}" }}
  admin: {{ address: "127.0.0.1:{admin}" }}
timeouts: {{ shutdown_delay: 0s, drain: 10s }}
aws: {{ region: {REGION}, account: "{ACCOUNT}" }}
user_pools:
{pools}
identity_pools: policies/identity-pools
policies: policies
{more}
routes:
{routes}
decision_log: {{ sink: stdout }}
"""


def user_pool(pool, client, keys):
    """A user pool whose keys come from `keys`, a URL or an absolute path."""
    source = keys if "://" in str(keys) else f"file:{keys}"
    return f"""\
  - id: {pool}
    clients: [{client}]
    groups: policies/user-pools/groups.json
    jwks: "{source}"
"""


def route(name, path, upstream, engines="{ iam: enforce, cedar: off }", more=""):
    lines = [
        f"  - name: {name}",
        "    service: execute-api",
        f"    match: {{ path: {path} }}",
        "    api: { id: interopapi, stage: prod }",
        f"    engines: {engines}",
        *([f"    {more}"] if more else []),
        f'    upstream: {{ url: "{upstream}" }}',
    ]
    return "\n".join(lines) + "\n"


def over_tls(text):
    """A configuration whose proxy has the certificate of `charts.certificate`."""
    return text.replace('" }\n  admin', '", tls: { cert: tls.crt, key: tls.key } }\n  admin')


TOKEN_ONLY = "{ iam: off, cedar: off }"


def serve(folder, pools, routes, more="", edit=lambda text: text, ready=True):
    """`poolgate serve` of a configuration written into `folder`."""
    proxy, admin = free_ports(2)
    path = Path(folder) / "poolgate.yaml"
    path.write_text(edit(configuration(proxy, admin, pools, routes, more)))
    return start(["serve", "--config", path], Path(folder) / "poolgate.log", proxy, admin, ready=ready)
