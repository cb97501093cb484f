"""Whether both root doors of a link do third-party copies: where one does not, a client that copied has streamed."""

from __future__ import annotations

from tpcharness.diagnosis.verdict import Party, Verdict, of_failure
from tpcharness.diagnosis.xroot_verdict import RootSeen, Step, judge_root_copy
from tpcharness.model.failure import Failure
from tpcharness.model.reason import Reason
from tpcharness.model.seams import Token, TokenSource
from tpcharness.model.secret import Secret
from tpcharness.model.variant import Blame, Phase
from tpcharness.net.trail import Trail
from tpcharness.net.xroot import Reply, XrootClient, XrootVisit
from tpcharness.payload.names import PayloadFile
from tpcharness.probes.role_token import role_token
from tpcharness.probes.root_files import root_path, root_target
from tpcharness.tokens.roles import Role
from tpcharness.wire.errors import WireError
from tpcharness.wire.xroot.answers import does_tpc, read_config, read_handle
from tpcharness.wire.xroot.opaque import RootUrl
from tpcharness.wire.xroot.operations import close, query_config
from tpcharness.wire.xroot.rendezvous import placement_request


class RootAbility:
    """Asks the servers that have the two files of a copy, as XrdCl does before it chooses how to copy: a redirector's
    own word is worth nothing.
    """

    def __init__(self, client: XrootClient, tokens: TokenSource) -> None:
        self._client = client
        self._tokens = tokens

    async def judge(self, source: PayloadFile, destination: PayloadFile, trail: Trail) -> Verdict | None:
        """Whose fault it is that there can have been no third-party copy, or that nobody can know; None if both ends
        do them. A server that does not understand the question has not said no.
        """
        for party, role, file in ((Party.SOURCE, Role.READ, source), (Party.DESTINATION, Role.VERIFY, destination)):
            with trail.enter(Phase.TOKEN):
                token = await role_token(self._tokens, role, file, trail)
            if isinstance(token, Failure):
                return of_failure(token, Blame.ISSUER)
            verdict = await self._judge_end(party, file, token, trail)
            if verdict is not None:
                return verdict
        return None

    async def _judge_end(self, party: Party, file: PayloadFile, token: Token, trail: Trail) -> Verdict | None:
        url = RootUrl.parse(file.endpoint.root)
        with trail.enter(Phase.VERIFY):
            async with self._client.visit(root_target(file.endpoint, url, token.secret), trail) as visit:
                verdict = judge_root_copy(await _ask(visit, party, root_path(file, url), token.secret))
        if verdict is not None and verdict.reason is Reason.NOT_FOUND and party is Party.DESTINATION:
            return of_failure(Failure(Reason.NOT_VISIBLE, verdict.hint), Blame.DESTINATION)
        return verdict


async def _ask(visit: XrootVisit, party: Party, path: str, token: Secret) -> RootSeen:
    opened = await visit.ask(placement_request(path, token), Phase.VERIFY)
    if opened.server is None or not opened.ok:
        return _seen(party, opened)
    try:
        handle, _ = read_handle(opened.data)
    except WireError as error:
        return RootSeen(Step.ABILITY, party, failure=Failure(Reason.MALFORMED_RESPONSE, str(error)))
    told = await visit.ask_server(opened.server, "query config tpc", query_config("tpc"), Phase.VERIFY, path=path)
    if told.failure is not None:
        return _seen(party, told)
    await visit.quietly(opened.server, close(handle), visit.limits.request_seconds)
    able = told.refusal is not None or does_tpc(read_config(told.data, ["tpc"]))
    return RootSeen(Step.ABILITY, party, able=able)


def _seen(party: Party, reply: Reply) -> RootSeen:
    return RootSeen(
        Step.ABILITY, party, reply.refusal, reply.failure, at_login=reply.at_login, where=reply.redirected_to
    )
