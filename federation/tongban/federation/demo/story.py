"""The story: 崇明 takes a matter in, 启东 handles it, 杭州 answers at once; and what nobody may do."""

from dataclasses import dataclass
from pathlib import Path

from tongban.api.cases.v1 import cases_pb2 as pb
from tongban.api.cases.v1.acts_pb2 import Act
from tongban.api.catalogue.v1.catalogue_pb2 import MODE_PROXY_INTAKE
from tongban.api.evidence.v1.evidence_pb2 import Evidence
from tongban.core.calendar import CHINA
from tongban.core.case.machine import STEPS, State
from tongban.core.client import Client
from tongban.core.errors import Refusal
from tongban.core.identifiers import mask_name
from tongban.core.items import Accept, Approve
from tongban.core.sealing import KeyRing
from tongban.core.sources import Verdict
from tongban.core.testing.federation import Federation, eventually
from tongban.core.times import moment
from tongban.federation.demo import proofs
from tongban.federation.demo.people import AGENT, BORROWER, CHONGMING, FIRM, HANGZHOU, QIDONG
from tongban.federation.demo.plan import IDENTITY_PURPOSE, ITEM, LOAN_ITEM
from tongban.federation.demo.stage import ClaimFailed, Stage

CREDIT = "/tongban.api.credit.v1.CreditService/QueryCredit"


@dataclass(slots=True)
class Story:
    """One telling."""

    stage: Stage
    federation: Federation
    keys: KeyRing
    clerk: Client
    """The window in 崇明."""
    officer: Client
    """The officer's window in 启东."""
    case_id: str = ""

    def tell(self) -> None:
        """Tell it all."""
        self._find_item()
        receipt = self._take_in()
        self._arrive(receipt)
        self._supplement()
        self._decide()
        self._timeline()
        self._instant()
        self._lookups()
        self._alteration()

    def _find_item(self) -> None:
        stage = self.stage
        with stage.beat("A clerk in 崇明 finds the item as 启东 publishes it", "崇明窗口查找启东发布的事项"):
            found = self.clerk.find_items("公司变更登记注册")
            stage.claim(
                [(one.member, one.item.code) for one in found] == [(QIDONG, ITEM)],
                f"公司变更登记注册 {ITEM} is published by {found[0].member_name}",
                f"公司变更登记注册 {ITEM} 由{found[0].member_name}发布",
            )
            item = self.clerk.get_item(QIDONG, ITEM)
            wanted = "、".join(one.name for one in item.item.materials if one.required)
            stage.say(f"required materials: {wanted}", f"必备材料:{wanted}")
            stage.claim(
                item.mode == MODE_PROXY_INTAKE, "mode: 异地代收代办, by agreement", "通办模式:异地代收代办(依协议)"
            )

    def _take_in(self) -> pb.SubmitCaseResponse:
        stage = self.stage
        with stage.beat(
            "Identity is verified, then 启东's node is killed, and the case is taken in",
            "核验身份;启东节点断电;照常收件",
        ):
            agent = self.clerk.verify_person(AGENT.name, AGENT.number, purpose="收件核验")
            firm = self.clerk.verify_organisation(FIRM.name, FIRM.number, purpose="收件核验")
            stage.claim(
                agent.verdict is Verdict.MATCH and firm.verdict is Verdict.MATCH,
                f"firm and agent ({mask_name(AGENT.name)}): match; a verdict, no data",
                f"企业与经办人({mask_name(AGENT.name)}):一致;只返回结论,不返回数据",
            )
            wrong = self.clerk.verify_person("沙洲乙", AGENT.number, purpose="收件核验")
            stage.claim(
                wrong.verdict is Verdict.MISMATCH, "another name with this number: mismatch", "换一个姓名:不一致"
            )
            self.federation.nodes[QIDONG].kill()
            stage.say("启东's node is killed (SIGKILL)", "启东节点被强制终止(SIGKILL)")
            application = "变更登记申请书(演示)".encode()
            material = self.clerk.upload(
                application, code="application", name="变更登记申请书.txt", media_type="text/plain"
            )
            receipt = self.clerk.submit(
                ITEM,
                deciding_place="320681",
                applicant=FIRM,
                agent=AGENT,
                form={"new_address": "江苏省启东市虚构路 1 号"},
                materials=[material],
                assertions=[agent.assertion, firm.assertion],
            )
            self.case_id = receipt.case_id
            stage.say(f"intake number 收件编号 {receipt.intake_number}", f"收件编号 {receipt.intake_number}")
            saved = proofs.save(receipt.receipt, self.keys, self.papers, "receipt.txt")
            stage.say(saved.verify, saved.verify)
            stage.claim(
                proofs.openssl_agrees(saved), "the receipt verifies by OpenSSL alone", "收件告知单仅凭 OpenSSL 即可验签"
            )
            return receipt

    def _arrive(self, receipt: pb.SubmitCaseResponse) -> None:
        stage = self.stage
        with stage.beat("启东 returns, and the case arrives by itself", "启东恢复,办件自动到件"):
            before = self.clerk.case(self.case_id).summary
            stage.claim(before.state == pb.CASE_STATE_RECEIVED, f"waiting: {before.hindrance}", "到件前:已收件,待送达")
            self.federation.nodes[QIDONG].start()
            summary = self._await_state(self.clerk, pb.CASE_STATE_CORRECTION)
            asked = "、".join(one.text for one in summary.correction.items)
            day = summary.correction.deadline.day
            stage.claim(
                [one.code for one in summary.correction.items] == list(receipt.missing_materials),
                f"启东 asks once for what is missing: {asked}, until {day}",
                f"启东一次性告知补正:{asked},期限 {day}",
            )

    def _supplement(self) -> None:
        stage = self.stage
        with stage.beat("The applicant supplies it", "补正"):
            content = "股东会决议(演示)".encode()
            material = self.clerk.upload(content, code="resolution", name="股东会决议.txt", media_type="text/plain")
            self.clerk.supplement(self.case_id, materials=[material])
            self._await_state(self.officer, pb.CASE_STATE_ARRIVED)
            fetched = eventually(lambda: self.officer.fetch_material(self.case_id, material.digest))
            stage.claim(fetched == content, "启东 has the same bytes, by their digest", "启东按摘要取到同样的材料")

    def _decide(self) -> None:
        stage = self.stage
        with stage.beat(
            "An officer in 启东 accepts and approves; the signed result comes back", "启东受理、准予,结果返回崇明"
        ):
            number = self.officer.decide(self.case_id, Accept()).case_number
            stage.say(f"case number 办件编号 {number}", f"办件编号 {number}")
            self.officer.decide(self.case_id, Approve("准予变更登记:住所变更为江苏省启东市虚构路 1 号。"))
            self._await_state(self.clerk, pb.CASE_STATE_APPROVED)
            result = self.clerk.result(self.case_id)
            saved = proofs.save(result, self.keys, self.papers, "result.txt")
            stage.claim(
                result.issuer == QIDONG and proofs.openssl_agrees(saved),
                f"{result.title}, signed by 启东, verified by OpenSSL in 崇明",
                f"{result.title}:启东签名,崇明用 OpenSSL 验签通过",
            )

    def _timeline(self) -> None:
        stage = self.stage
        with stage.beat("The timeline, from verified events", "时间线(逐条验签)"):
            case = self.clerk.case(self.case_id)
            view = proofs.verified(case, self.keys)
            for one in case.events:
                act = Act.FromString(one.act.act)
                step = STEPS[act.WhichOneof("content") or ""]
                time = moment(act.time).astimezone(CHINA).strftime("%H:%M:%S")
                stage.say(f"{time}  {act.author}  {step.name} {step.chinese}", f"{time}  {act.author}  {step.chinese}")
            stage.claim(
                view.closed and not case.pending,
                f"{view.sequence} events, each seal right",
                f"{view.sequence} 个事件,签封全部有效",
            )

    def _instant(self) -> None:
        stage = self.stage
        with stage.beat("杭州 answers another matter at once, by a plugin of twenty lines", "杭州即办:二十行的插件"):
            receipt = self.clerk.submit(LOAN_ITEM, deciding_place="330100", applicant=BORROWER)
            self._await_state(self.clerk, pb.CASE_STATE_APPROVED, receipt.case_id)
            result = self.clerk.result(receipt.case_id)
            stage.claim(
                result.issuer == HANGZHOU,
                f"{result.title}, signed by 杭州公积金中心",
                f"{result.title}:杭州公积金中心签发",
            )

    def _lookups(self) -> None:
        stage = self.stage
        with stage.beat(
            "A look-up with an agreement row is answered, one without is refused",
            "有协议条目的查询得到答复,没有的被拒绝",
        ):
            with self.federation.window(HANGZHOU) as window:
                asked = window.verify_person(BORROWER.name, BORROWER.number, to=CHONGMING, purpose=IDENTITY_PURPOSE)
            stage.claim(
                asked.verdict is Verdict.MATCH,
                "杭州 asks 崇明 to verify the borrower: match",
                "杭州请崇明核验借款人:一致",
            )
            refusal = self._refused()
            stage.say(stage.pick(refusal.message, refusal.message_zh), stage.pick(refusal.message, refusal.message_zh))
            stage.claim(
                refusal.code.name == "NO_AGREEMENT_ROW",
                "refused by 启东, and the row is named",
                "启东拒绝,并指明缺少的条目",
            )
            for member in (CHONGMING, QIDONG):
                records = self._export(member)
                found = any(one.method == CREDIT and one.error_code == "NO_AGREEMENT_ROW" for one in records)
                stage.claim(
                    found, f"the refusal stands in the evidence log of {member}", f"{member} 的存证日志中有这次拒绝"
                )

    def _alteration(self) -> None:
        stage = self.stage
        with stage.beat("One altered byte in a copy of a log is found", "改动日志副本的一个字节,即被发现"):
            log, copy = self.papers / f"{QIDONG}.evidence", self.papers / "altered.evidence"
            findings = proofs.verify_log(log, self.keys)
            stage.claim(
                not findings.problems,
                f"the log verifies: {findings.records} records",
                f"日志验证通过:{findings.records} 条",
            )
            place = proofs.alter(log, copy, CREDIT.encode())
            problems = proofs.verify_log(copy, self.keys).problems
            told = f"{problems[0].place}: {problems[0].what}" if problems else ""
            stage.claim(
                bool(problems), f"byte {place} altered; found at {told}", f"第 {place} 字节被改动;发现于 {told}"
            )

    def _refused(self) -> Refusal:
        """Return the refusal of a look-up that no agreement allows."""
        try:
            self.clerk.query_credit(FIRM.number, to=QIDONG, purpose="随便看看")
        except Refusal as refusal:
            return refusal
        raise ClaimFailed("the look-up was answered, without an agreement row")

    def _await_state(self, window: Client, state: State, case_id: str = "") -> pb.CaseSummary:
        """Wait until a window sees the case in this state."""

        def reached() -> pb.CaseSummary | None:
            summary = window.case(case_id or self.case_id).summary
            return summary if summary.state == state else None

        return eventually(reached)

    def _export(self, member: str) -> list[Evidence]:
        """Return the records of a node's evidence log, now."""
        with self.federation.admin(member) as admin:
            return proofs.export(admin, self.papers / f"{member}.evidence")

    @property
    def papers(self) -> Path:
        """Folder for papers and logs."""
        return self.federation.folder / "papers"
