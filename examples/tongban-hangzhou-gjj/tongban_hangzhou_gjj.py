"""杭州公积金中心 certifies at once, from its own records, that all housing loans of a person are paid off."""

from tongban.core import Answer, Approve, Case, Column, DecidingFact, Item, ItemType, PluginSettings, Reject, hookimpl

PAPER = "住房公积金个人住房贷款全部还清证明"


@hookimpl
def tongban_items(settings: PluginSettings) -> list[Item]:
    loans = settings.rows("loans", "resident_id", "name", "loan_number", Column("repaid_on", "date", required=False))
    item = Item("HZGJJ-LOAN-REPAID", f"开具{PAPER}", ItemType.PUBLIC_SERVICE, DecidingFact.FUND_DEPOSIT, PAPER)

    @item.handler
    def certify(case: Case) -> Answer:
        borrower = (case.applicant.number, case.applicant.name)
        own = [loan for loan in loans if (loan["resident_id"], loan["name"]) == borrower]
        if not own:
            return Reject("本中心没有该姓名和证件号码的住房公积金个人住房贷款记录。")
        if not all(loan["repaid_on"] for loan in own):
            return Reject("该借款人的住房公积金个人住房贷款尚未全部还清。")
        numbers, last = "、".join(loan["loan_number"] for loan in own), max(loan["repaid_on"] for loan in own)
        return Approve(f"{case.applicant.name}的住房公积金个人住房贷款（{numbers}）已于{last}全部还清。特此证明。")

    return [item]
