"""Microsoft's own Python SDK against the lab's tenant, so that the lab is not shaped to seatsync alone.

usage: sdk.py PATH-TO-SEATSYNC-LAB

Ends with an error at the first thing that is not as it has to be.
"""

import asyncio
import sys
import time

from azure.core.credentials import AccessToken
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
from msgraph.generated.groups.item.transitive_members.graph_user.graph_user_request_builder import (
    GraphUserRequestBuilder,
)
from msgraph.generated.models.assigned_license import AssignedLicense
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.user import User
from msgraph.generated.users.delta.delta_request_builder import DeltaRequestBuilder
from msgraph.generated.users.item.assign_license.assign_license_post_request_body import AssignLicensePostRequestBody
from msgraph.generated.users.item.user_item_request_builder import UserItemRequestBuilder
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.requests.batch_request_builder import BatchRequestBuilder
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem

from lab import EMS, Lab

ADA = "ada.sdk@contoso.com"
LICENSING = ["id", "usageLocation", "assignedLicenses", "licenseAssignmentStates", "assignedPlans"]


class LabCredential:
    """Takes its tokens from the lab's login endpoint."""

    def __init__(self, lab):
        self.lab = lab

    def get_token(self, *_scopes, **_options):
        token, lifetime = self.lab.token()
        return AccessToken(token, int(time.time()) + lifetime)


def check(holds, *seen):
    """Stops the script where something is not as it has to be."""
    if not holds:
        raise AssertionError(f"seen: {seen}")


def configured(builder, name, **options):
    """The SDK's way to say query options and headers."""
    headers = options.pop("headers", None)
    parameters = getattr(builder, f"{name}GetQueryParameters")(**options)
    configuration = RequestConfiguration(query_parameters=parameters)
    for header, value in (headers or {}).items():
        configuration.headers.add(header, value)
    return configuration


async def refused(coroutine):
    """The error that Graph answers with."""
    try:
        await coroutine
    except ODataError as error:
        return error
    raise AssertionError("it was not refused")


async def listing(client):
    """Pages, $select, $filter, and an advanced query."""
    options = {"select": ["id", "userPrincipalName", "onPremisesImmutableId"], "top": 7}
    page = await client.users.get(configured(UsersRequestBuilder, "UsersRequestBuilder", **options))
    users = list(page.value)
    pages = 1
    while page.odata_next_link:
        page = await client.users.with_url(page.odata_next_link).get()
        users += page.value
        pages += 1
    check(len({user.id for user in users}) == 21 and pages == 3, len(users), pages)
    anchor = next(user.on_premises_immutable_id for user in users if user.on_premises_immutable_id)
    options = {"select": ["id"], "filter": f"onPremisesImmutableId in ('{anchor}', 'none')", "count": True}
    without = await refused(client.users.get(configured(UsersRequestBuilder, "UsersRequestBuilder", **options)))
    check(without.error.code == "Request_UnsupportedQuery", without)
    options["headers"] = {"ConsistencyLevel": "eventual"}
    found = await client.users.get(configured(UsersRequestBuilder, "UsersRequestBuilder", **options))
    check(len(found.value) == 1 and found.odata_count == 1, found)


async def following(client, lab):
    """Delta: the whole, nothing, a change, a removal."""
    async def round_of(link):
        delta = client.users.delta
        configuration = None
        if link is None:
            configuration = configured(DeltaRequestBuilder, "DeltaRequestBuilder", select=["id", "usageLocation"])
        else:
            delta = delta.with_url(link)
        page = await delta.get(configuration)
        items = list(page.value)
        while page.odata_next_link:
            page = await client.users.delta.with_url(page.odata_next_link).get()
            items += page.value
        return items, page.odata_delta_link

    items, link = await round_of(None)
    check(len(items) == 21, len(items))
    items, link = await round_of(link)
    check(items == [], items)
    lab.control("PATCH", f"/users/{ADA}", {"usageLocation": "FR"})
    items, link = await round_of(link)
    check([user.usage_location for user in items] == ["FR"], items)
    gone = lab.control("POST", "/users", {"userPrincipalName": "bob.sdk@contoso.com"})["id"]
    items, link = await round_of(link)
    lab.control("DELETE", f"/users/{gone}")
    items, link = await round_of(link)
    check([user.id for user in items] == [gone], items)
    check(items[0].additional_data["@removed"]["reason"] == "changed", items[0].additional_data)


async def licensing(client, lab):
    """SKUs, a location, an assignment, reading back, refusals."""
    skus = {sku.sku_part_number: sku for sku in (await client.subscribed_skus.get()).value}
    ems = skus["EMS"]
    check(str(ems.sku_id) == EMS and ems.prepaid_units.enabled == 48 and ems.applies_to == "User", ems)
    mfa = next(plan.service_plan_id for plan in ems.service_plans if plan.service_plan_name == "MFA_PREMIUM")
    assigned = AssignLicensePostRequestBody(
        add_licenses=[AssignedLicense(sku_id=ems.sku_id, disabled_plans=[mfa])], remove_licenses=[]
    )
    lab.control("PATCH", f"/users/{ADA}", {"usageLocation": ""})
    ada = client.users.by_user_id(ADA)
    without = await refused(ada.assign_license.post(assigned))
    check(without.error.code == "Request_BadRequest", without)
    check("invalid usage location" in without.error.message, without.error.message)
    check(without.error.inner_error.request_id and without.response_status_code == 400, without)
    wrong = await refused(ada.patch(User(usage_location="UK")))
    check("usageLocation" in wrong.error.message, wrong.error.message)
    await ada.patch(User(usage_location="DE"))
    answered = await ada.assign_license.post(assigned)
    check(answered.user_principal_name == ADA, answered)
    options = configured(UserItemRequestBuilder, "UserItemRequestBuilder", select=LICENSING)
    user = await ada.get(options)
    check(user.usage_location == "DE" and user.user_principal_name is None, user)
    check([str(license.sku_id) for license in user.assigned_licenses] == [EMS], user.assigned_licenses)
    check(user.assigned_licenses[0].disabled_plans == [mfa], user.assigned_licenses)
    state = user.license_assignment_states[0]
    check(state.state == "Active" and state.assigned_by_group is None, state)
    check(mfa not in [plan.service_plan_id for plan in user.assigned_plans], user.assigned_plans)
    details = await ada.license_details.get()
    check([detail.sku_part_number for detail in details.value] == ["EMS"], details)
    lab.control("PATCH", "/skus/INTUNE_A", {"enabled": 0})
    none_left = AssignLicensePostRequestBody(
        add_licenses=[AssignedLicense(sku_id=skus["INTUNE_A"].sku_id, disabled_plans=[])], remove_licenses=[]
    )
    refusal = await refused(ada.assign_license.post(none_left))
    check("does not have any available licenses" in refusal.error.message, refusal.error.message)
    unknown = await refused(client.users.by_user_id("00000000-0000-0000-0000-000000000001").get())
    check(unknown.error.code == "Request_ResourceNotFound" and unknown.response_status_code == 404, unknown)


async def groups(client, lab):
    """A nested group, flattened by a cast, and what a group gives."""
    inner = lab.control("POST", "/groups", {"displayName": "Inner", "members": [ADA]})["id"]
    outer = lab.control("POST", "/groups", {"displayName": "Outer", "members": ["Inner"]})["id"]
    options = configured(GraphUserRequestBuilder, "GraphUserRequestBuilder", select=["id", "userPrincipalName"])
    members = await client.groups.by_group_id(outer).transitive_members.graph_user.get(options)
    check([user.user_principal_name for user in members.value] == [ADA], members)
    direct = await client.groups.by_group_id(outer).members.get()
    check([(type(one).__name__, one.id) for one in direct.value] == [("Group", inner)], direct)
    lab.control("POST", "/groups/Inner/licenses", {"add": [{"sku": "SPE_E3"}]})
    e3 = "05e9a617-0261-4cee-bb44-138d3ef5d965"
    options = configured(
        GroupsRequestBuilder,
        "GroupsRequestBuilder",
        select=["id", "assignedLicenses"],
        filter=f"assignedLicenses/any(x:x/skuId eq {e3})",
    )
    giving = (await client.groups.get(options)).value
    check([(group.id, str(group.assigned_licenses[0].sku_id)) for group in giving] == [(inner, e3)], giving)
    of_ada = await client.users.by_user_id(ADA).member_of.graph_group.get()
    check([group.id for group in of_ada.value] == [inner], of_ada)
    options = configured(UserItemRequestBuilder, "UserItemRequestBuilder", select=LICENSING)
    user = await client.users.by_user_id(ADA).get(options)
    check(inner in [state.assigned_by_group for state in user.license_assignment_states], user)


async def batches(client):
    """Three requests in one; the SDK's own builder makes and reads the batch."""
    requests = [
        client.users.by_user_id(ADA).to_get_request_information(),
        client.users.by_user_id("nobody@contoso.com").to_get_request_information(),
        client.users.by_user_id(ADA).to_patch_request_information(User(usage_location="SE")),
    ]
    location = configured(UserItemRequestBuilder, "UserItemRequestBuilder", select=["usageLocation"])
    content = BatchRequestContent()
    ids = []
    for request in requests:
        item = BatchRequestItem(request)
        # An item's address is relative to the version; the SDK's own `set_url` leaves the version in.
        item.url = request.url.removeprefix(client.request_adapter.base_url)
        content.add_request(item.id, item)
        ids.append(item.id)
    answers = await BatchRequestBuilder(client.request_adapter).post(content)
    statuses = [answers.get_response_by_id(one).status for one in ids]
    check(statuses == [200, 404, 204], statuses)
    # This version of the SDK reads no body that is an object, as Graph's are; headers it does read.
    headers = answers.get_response_by_id(ids[1]).headers
    check(headers["Content-Type"].startswith("application/json") and headers["request-id"], headers)
    check((await client.users.by_user_id(ADA).get(location)).usage_location == "SE")


async def waiting(client, lab):
    """The SDK's own handler waits out a 429 as the lab words it, and understands a concurrency violation."""
    throttled = {"status": 429, "code": "TooManyRequests", "headers": {"Retry-After": "1"}}
    lab.control("POST", "/faults", {"match": {"path": "/organization", "times": 1}, "then": throttled})
    began = time.monotonic()
    organization = (await client.organization.get()).value[0]
    check(time.monotonic() - began >= 1, "it did not wait")
    check(organization.on_premises_sync_enabled and organization.on_premises_last_sync_date_time, organization)
    lab.control("PATCH", "/knobs", {"storm": {"violations": 1.0}})
    violation = await refused(client.users.by_user_id(ADA).patch(User(usage_location="DE")))
    check(violation.error.code == "Directory_ConcurrencyViolation", violation)
    lab.control("PATCH", "/knobs", {"storm": {}})


async def main(program):
    with Lab(program) as lab:
        lab.control(
            "POST", "/users", {"userPrincipalName": ADA, "objectGUID": "00112233-4455-6677-8899-aabbccddeeff"}
        )
        client = GraphServiceClient(LabCredential(lab), scopes=["https://graph.microsoft.com/.default"])
        client.request_adapter.base_url = f"{lab.url}/v1.0"
        for name, part in [
            ("users", listing(client)),
            ("delta", following(client, lab)),
            ("licenses", licensing(client, lab)),
            ("groups", groups(client, lab)),
            ("$batch", batches(client)),
            ("refusals that pass", waiting(client, lab)),
        ]:
            await part
            print(f"msgraph-sdk: {name}: as it has to be")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
