"""What a namespace may use: its Account names a Plan."""

from __future__ import annotations

from relay_api.halls.cache import TenancyCache
from relay_api.problems import Code, ProblemError
from relay_crds import Account, PermanentError, Plan
from relay_crds.names import DEFAULT_ACCOUNT, DEFAULT_PLAN


class Tenancy:
    """Answers from the copies of Accounts and Plans that the watches keep."""

    def __init__(self, accounts: TenancyCache, plans: TenancyCache) -> None:
        self._accounts = accounts
        self._plans = plans

    def plan_name(self, namespace: str) -> str:
        """The plan that counts in a namespace: ``free`` where there is no Account."""
        account = self._accounts.get(namespace, DEFAULT_ACCOUNT)
        try:
            return Account.from_object(account).plan_name if account else DEFAULT_PLAN
        except PermanentError:
            return DEFAULT_PLAN

    def plan(self, namespace: str) -> Plan:
        """The plan of a namespace.

        Raises:
            ProblemError: ``install_incomplete``, where no such Plan object exists.
        """
        name = self.plan_name(namespace)
        plan = self._read_plan(name)
        if plan is None:
            raise ProblemError(
                Code.INSTALL_INCOMPLETE,
                f"The plan {name!r} of this account does not exist, so no hall could start. "
                f"Whoever runs this Relay has to create the Plan {name!r}.",
                retry_after=10,
            )
        return plan

    def cap(self, namespace: str) -> int | None:
        """The plan's cap on participants; None where there is no such plan."""
        plan = self._read_plan(self.plan_name(namespace))
        return plan.max_participants if plan else None

    def _read_plan(self, name: str) -> Plan | None:
        found = self._plans.get("", name)
        try:
            return Plan.from_object(found) if found else None
        except PermanentError:
            return None
