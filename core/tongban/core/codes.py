"""The error catalogue: every code with its gRPC status, what happened and what to do, in English and Chinese.

A refusal carries one of these codes; programs act on the code, people read the sentences. Words in braces are facts
of the refusal, filled in when it is told.
"""

from dataclasses import dataclass

CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND, ALREADY_EXISTS = 1, 2, 3, 4, 5, 6
PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION, ABORTED, UNIMPLEMENTED, INTERNAL_STATUS = (
    7,
    8,
    9,
    10,
    12,
    13,
)
UNAVAILABLE, UNAUTHENTICATED = 14, 16


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of refusal."""

    name: str
    """Name on the wire, in ``ErrorDetail.code``."""
    status: int
    """gRPC status code."""
    message: str
    message_zh: str
    remedy: str
    remedy_zh: str
    retryable: bool = False
    """Whether the same call may succeed later, unchanged."""


CATALOGUE: dict[str, Code] = {}
"""Every code by name."""


def _code(name: str, status: int, *sentences: str, retryable: bool = False) -> Code:
    message, message_zh, remedy, remedy_zh = sentences
    CATALOGUE[name] = Code(name, status, message, message_zh, remedy, remedy_zh, retryable)
    return CATALOGUE[name]


# What a caller sends.

INVALID_FIELD = _code(
    "INVALID_FIELD",
    INVALID_ARGUMENT,
    "Field {field} is wrong: {rule}.",
    "字段 {field} 有误:{rule}。",
    "Correct the field and send the call again.",
    "请更正该字段后重新提交。",
)
MALFORMED = _code(
    "MALFORMED",
    INVALID_ARGUMENT,
    "The bytes are no {type} message.",
    "收到的数据不是 {type} 消息。",
    "Send a message of the published contract, in protobuf's binary form.",
    "请按公布的接口定义发送 protobuf 二进制消息。",
)
TOO_LARGE = _code(
    "TOO_LARGE",
    RESOURCE_EXHAUSTED,
    "{what} is {size} bytes; at most {limit} are taken.",
    "{what} 为 {size} 字节,上限为 {limit} 字节。",
    "Send less, or split it where the contract allows it.",
    "请缩小内容,或按接口允许的方式拆分。",
)
METHOD_UNKNOWN = _code(
    "METHOD_UNKNOWN",
    UNIMPLEMENTED,
    "{member} does not publish the method {method}.",
    "成员 {member} 未发布方法 {method}。",
    "Check the method's name and the member in the call's context; a member's catalogue lists the services it answers.",
    "请核对方法名和调用上下文中的成员;成员目录列出其应答的服务。",
)
REQUEST_REUSED = _code(
    "REQUEST_REUSED",
    ALREADY_EXISTS,
    "The id {id} was used before with other content (recorded {recorded}, sent now {sent}).",
    "编号 {id} 已用于不同内容(已记录 {recorded},本次 {sent})。",
    "Use a new id for new content; use the same id only to repeat the same call.",
    "新内容请使用新编号;仅在重复同一请求时使用原编号。",
)
DEADLINE = _code(
    "DEADLINE",
    DEADLINE_EXCEEDED,
    "No answer within the {seconds} s that the caller allowed.",
    "在调用方允许的 {seconds} 秒内未得到答复。",
    "Ask again, with more time if the member is far or slow. A repeated command needs the same request id.",
    "请重试,必要时放宽时限;重复办理类请求须使用同一请求编号。",
    retryable=True,
)

CALLER_LEFT = _code(
    "CALLER_LEFT",
    CANCELLED,
    "The caller left before there was an answer.",
    "调用方在得到答复之前已断开。",
    "Ask again. A repeated command needs the same request id.",
    "请重试;重复办理类请求须使用同一请求编号。",
    retryable=True,
)

# Who calls, and what the caller may do.

WINDOW_UNKNOWN = _code(
    "WINDOW_UNKNOWN",
    UNAUTHENTICATED,
    "The call has no token, or one that this node does not know.",
    "请求未携带令牌,或本节点不识别该令牌。",
    "Send `authorization: Bearer TOKEN`; an operator registers a window with `tongban window add`.",
    "请携带 authorization: Bearer 令牌;由运维人员用 tongban window add 登记窗口。",
)
ROLE_MISSING = _code(
    "ROLE_MISSING",
    PERMISSION_DENIED,
    "Window {window} does not have the role {role}, which {method} needs.",
    "窗口 {window} 没有 {method} 所需的角色 {role}。",
    "Use a window with that role, or have an operator register one with `tongban window add --role`.",
    "请使用具备该角色的窗口,或由运维人员用 tongban window add --role 登记。",
)
OFFICER_MISSING = _code(
    "OFFICER_MISSING",
    INVALID_ARGUMENT,
    "{method} needs the officer who acts, and the call's context names none.",
    "{method} 须注明经办人员,而调用上下文中未填写。",
    "Set `officer` in the call's context to the account of the person who acts.",
    "请在调用上下文的 officer 中填写经办人员账号。",
)
PURPOSE_MISSING = _code(
    "PURPOSE_MISSING",
    INVALID_ARGUMENT,
    "{method} looks up data, and the call's context names no purpose.",
    "{method} 属于数据查询,而调用上下文中未填写用途。",
    "Set `purpose` in the call's context to a purpose of the agreement's row.",
    "请在调用上下文的 purpose 中填写协议条目允许的用途。",
)
NO_AGREEMENT_ROW = _code(
    "NO_AGREEMENT_ROW",
    PERMISSION_DENIED,
    "No agreement row lets {asking} ask {answering} for {what}. Missing row: {row}.",
    "协议中没有允许 {asking} 向 {answering} 办理 {what} 的条目。缺少条目:{row}。",
    "Have both members sign an agreement with this row. Contact: {contact}",
    "请由双方签署包含该条目的协议。联系:{contact}",
)
CONSENT_MISSING = _code(
    "CONSENT_MISSING",
    PERMISSION_DENIED,
    "Agreement row {row} asks for the subject's consent, and the call's context names none.",
    "协议条目 {row} 要求当事人授权,而调用上下文中未填写授权编号。",
    "Obtain the consent and set `consent_id` in the call's context.",
    "请取得授权,并在调用上下文的 consent_id 中填写。",
)
QUOTA_EXCEEDED = _code(
    "QUOTA_EXCEEDED",
    RESOURCE_EXHAUSTED,
    "{asking} has used up {limit} ({allowed}).",
    "{asking} 已用完限额 {limit}({allowed})。",
    "Ask again in {seconds} s. The agreement's parties can raise the row's limit, the node's operator the node's.",
    "请在 {seconds} 秒后重试;如需提高限额,由协议双方修改条目,或由节点运维人员调整设置。",
    retryable=True,
)
PEER_UNKNOWN = _code(
    "PEER_UNKNOWN",
    UNAUTHENTICATED,
    "The peer's {what} is not in the directory for {member}.",
    "目录中没有成员 {member} 的该{what}。",
    "Have the directory's authorities publish the member's present certificate and keys, then import that directory.",
    "请由目录签发方发布该成员现行证书和密钥,并导入新目录。",
)

# Where a call goes.

MEMBER_UNKNOWN = _code(
    "MEMBER_UNKNOWN",
    NOT_FOUND,
    "{member} is not a member of the federation {federation}.",
    "{member} 不是 {federation} 的成员。",
    "Check the member's id; `tongban member list` shows the members.",
    "请核对成员编号;可用 tongban member list 查看成员。",
)
ITEM_UNKNOWN = _code(
    "ITEM_UNKNOWN",
    NOT_FOUND,
    "No member publishes an item with the code {item}.",
    "没有成员发布编码为 {item} 的事项。",
    "Find the item's code with `tongban catalogue list TEXT`, or ListItems.",
    "请用 tongban catalogue list 或 ListItems 查找事项编码。",
)
WRONG_AUTHORITY = _code(
    "WRONG_AUTHORITY",
    FAILED_PRECONDITION,
    "Item {item} at {place} is not a matter of {asked}. The right authority is {right}.",
    "{place} 的事项 {item} 不归 {asked} 管辖,应由 {right} 办理。",
    "Send the case with the place that decides the matter ({fact}), and to that authority.",
    "请按业务属地依据({fact})填写所在地,并向有管辖权的机关提交。",
)
PLACE_AMBIGUOUS = _code(
    "PLACE_AMBIGUOUS",
    FAILED_PRECONDITION,
    "Several members are competent for item {item} at {place}: {members}.",
    "对 {place} 的事项 {item} 有管辖权的成员不止一个:{members}。",
    "Ask the applicant, and name the member in the call's context (`to`).",
    "请向申请人确认,并在调用上下文的 to 中指明成员。",
)
PEER_UNAVAILABLE = _code(
    "PEER_UNAVAILABLE",
    UNAVAILABLE,
    "The node of {member} does not answer now.",
    "成员 {member} 的节点暂时没有应答。",
    "Ask again later. Cases are taken in all the same and travel by themselves.",
    "请稍后重试;收件不受影响,办件会自动送达。",
    retryable=True,
)
CARRIER_SLOW = _code(
    "CARRIER_SLOW",
    FAILED_PRECONDITION,
    "{member} is reached by files, and a look-up cannot be answered now.",
    "成员 {member} 通过文件交换连接,无法即时答复查询。",
    "Take the matter in as a case, which travels by itself, or ask the operator for a carrier that answers at once.",
    "请作为办件收件(系统将自动传送),或请运维人员为该成员配置可即时答复的通道。",
)
PEER_BUSY = _code(
    "PEER_BUSY",
    RESOURCE_EXHAUSTED,
    "As many questions to the node of {member} are waiting as may wait ({waiting}).",
    "等待发往成员 {member} 节点的请求已达上限({waiting} 个)。",
    "Ask again when the time that the refusal names (RetryInfo) has passed, and less often.",
    "请在拒绝信息指明的时间(RetryInfo)之后重试,并降低请求频率。",
    retryable=True,
)
ENCRYPTION_KEY_MISSING = _code(
    "ENCRYPTION_KEY_MISSING",
    FAILED_PRECONDITION,
    "The directory lists no encryption key for {member}, so nothing that must be encrypted can go to it.",
    "目录中没有成员 {member} 的加密公钥,须加密的内容不能发往该成员。",
    "{member} gives the directory's authority a card with its encryption key; then import the new directory.",
    "请 {member} 向目录签发方提交含加密公钥的成员卡,然后导入新目录。",
)
DIRECTORY_MISSING = _code(
    "DIRECTORY_MISSING",
    FAILED_PRECONDITION,
    "This node has no directory, so it knows no other member.",
    "本节点尚无目录,不认识其他成员。",
    "An operator imports the federation's directory: `tongban directory import FILE`.",
    "请由运维人员导入目录:tongban directory import 文件。",
)
DIRECTORY_EXPIRED = _code(
    "DIRECTORY_EXPIRED",
    FAILED_PRECONDITION,
    "The directory of {federation} expired at {when}; nobody can be trusted by it.",
    "{federation} 的目录已于 {when} 过期,不能再据以信任任何成员。",
    "An operator imports a newer directory: `tongban directory import FILE`.",
    "请由运维人员导入新目录:tongban directory import 文件。",
    retryable=True,
)
NODE_UNREACHABLE = _code(
    "NODE_UNREACHABLE",
    UNAVAILABLE,
    "No node answers at {endpoint}: {reason}.",
    "{endpoint} 没有节点应答:{reason}。",
    "Check that the node runs and the address is right. If the reason is a certificate, the client needs the one that "
    "the node uses now. A repeated command needs the same request id.",
    "请确认节点正在运行且地址正确;如原因为证书,客户端须使用该节点现行证书。重复办理类请求须使用同一请求编号。",
    retryable=True,
)
ANSWER_UNREADABLE = _code(
    "ANSWER_UNREADABLE",
    INTERNAL_STATUS,
    "What {endpoint} answered is no answer of a node: {reason}.",
    "{endpoint} 的答复不是节点的答复:{reason}。",
    "Check that the address is a node's, that it is the right door, and that no gateway between changes answers.",
    "请确认地址属于节点、入口正确,且中间网关没有改动答复。",
)

# What nodes say to each other.

MESSAGE_ALTERED = _code(
    "MESSAGE_ALTERED",
    UNAUTHENTICATED,
    "The message is not what {member} sealed: {what}.",
    "消息与 {member} 签封的内容不一致:{what}。",
    "Send it again. If it happens again, somebody between the nodes changes messages: compare both evidence logs.",
    "请重新发送;若再次出现,说明传输途中有人改动消息,请核对双方存证日志。",
)
MESSAGE_EXPIRED = _code(
    "MESSAGE_EXPIRED",
    FAILED_PRECONDITION,
    "The message was valid from {sent} until {expires}, and this node's clock says {now}.",
    "消息有效期为 {sent} 至 {expires},本节点时间为 {now}。",
    "Compare the clocks of both nodes, then send the message again.",
    "请核对双方节点时钟后重新发送。",
    retryable=True,
)
MESSAGE_REPLAYED = _code(
    "MESSAGE_REPLAYED",
    ALREADY_EXISTS,
    "A message with the id {id} came from {member} before.",
    "已收到过 {member} 编号为 {id} 的消息。",
    "Ask with a new message. If nobody of {member} sent it twice, somebody replays recorded messages.",
    "请以新消息发送;如 {member} 并未重复发送,则有人在重放消息。",
)
MESSAGE_MISADDRESSED = _code(
    "MESSAGE_MISADDRESSED",
    INVALID_ARGUMENT,
    "The message is for {receiver}, and this is {member}.",
    "消息的收件方是 {receiver},而本节点是 {member}。",
    "Send it to an endpoint that the directory lists for {receiver}; what a relay is to pass on must be encrypted.",
    "请发送到目录中 {receiver} 的地址;须经中转的消息必须加密。",
)
MESSAGE_UNREADABLE = _code(
    "MESSAGE_UNREADABLE",
    FAILED_PRECONDITION,
    "The body that {member} encrypted cannot be opened: {what}.",
    "无法解密 {member} 加密的消息内容:{what}。",
    "Send it again. If a key was changed, the sender first takes in the directory that lists the new one.",
    "请重新发送;如密钥已更换,发送方须先导入列有新密钥的目录。",
)
MESSAGE_LOOPED = _code(
    "MESSAGE_LOOPED",
    FAILED_PRECONDITION,
    "The message from {sender} to {receiver} goes round, or too far: {what}.",
    "从 {sender} 发往 {receiver} 的消息绕回或转发次数过多:{what}。",
    "The operators of the members on its way compare through whom each of them reaches {receiver} "
    "(`[carriers]` in node.toml).",
    "请沿途各成员的运维人员核对各自到达 {receiver} 的转发设置(node.toml 中的 [carriers])。",
)
RELAY_CLOSED = _code(
    "RELAY_CLOSED",
    PERMISSION_DENIED,
    "{relay} passes no messages on from {sender} to {receiver}: neither of them is among those for whom it does.",
    "{relay} 不转发从 {sender} 到 {receiver} 的消息:两者均不在其转发服务范围内。",
    "Ask the operators of {relay}: they add one of the two to `for` in the table [relay] of its node.toml.",
    "请联系 {relay} 的运维人员,由其将两者之一加入 node.toml 中 [relay] 的 for。",
)
ACT_OUT_OF_ORDER = _code(
    "ACT_OUT_OF_ORDER",
    ABORTED,
    "In case {case_id}, {what} {number} came before {what} {expected}.",
    "办件 {case_id} 的第 {number} 号记录({what})先于第 {expected} 号到达。",
    "Nothing is to be done: the sender delivers them in order again.",
    "无需处理:发送方会按顺序重新送达。",
    retryable=True,
)
RECORD_INVALID = _code(
    "RECORD_INVALID",
    INVALID_ARGUMENT,
    "What was sent for case {case_id} cannot be right: {rule}.",
    "办件 {case_id} 的该条记录不成立:{rule}。",
    "The sender's operator compares both evidence logs; the record is refused and nothing is changed.",
    "请发送方运维人员核对双方存证日志;该记录已被拒绝,未作任何改动。",
)

# Cases and materials.

CASE_UNKNOWN = _code(
    "CASE_UNKNOWN",
    NOT_FOUND,
    "This node has no case {number}.",
    "本节点没有办件 {number}。",
    "Check the number; only the intake and the handling member have a case.",
    "请核对编号;只有收件方和办理方持有办件。",
)
CASE_STEP = _code(
    "CASE_STEP",
    FAILED_PRECONDITION,
    "{step} is not possible: {rule}. The case is in state {state}.",
    "不能{step_zh}:{rule}。办件当前状态为 {state}。",
    "Look at the case with `tongban case show`, and take a step that its state allows.",
    "请用 tongban case show 查看办件,并按其状态办理。",
)
FORM_FIELD = _code(
    "FORM_FIELD",
    INVALID_ARGUMENT,
    "Form field {field} is wrong: {rule}.",
    "表单字段 {field} 有误:{rule}。",
    "GetItem shows the item's form; correct the field and submit again.",
    "可用 GetItem 查看表单要求,更正后重新提交。",
)
MATERIAL_UNKNOWN = _code(
    "MATERIAL_UNKNOWN",
    FAILED_PRECONDITION,
    "The material with the digest {digest} is not at this node.",
    "本节点没有摘要为 {digest} 的材料。",
    "Upload it with UploadMaterial, then send the call again.",
    "请先用 UploadMaterial 上传材料,再重新提交。",
)
MATERIAL_WRONG = _code(
    "MATERIAL_WRONG",
    INVALID_ARGUMENT,
    "The upload is not what its description says: {rule}.",
    "上传内容与说明不符:{rule}。",
    "Compute the digest and size over the file's bytes and upload it again; nothing was kept.",
    "请按文件内容重新计算摘要和大小后上传;本次内容未保留。",
)
MATERIAL_SPACE = _code(
    "MATERIAL_SPACE",
    RESOURCE_EXHAUSTED,
    "There is no room for the material at the node of {member}: {rule}.",
    "成员 {member} 的节点没有存放该材料的空间:{rule}。",
    "Submit the cases whose materials are uploaded, or have the node's operator make room (settings, [materials]); "
    "then go on: what came before is kept.",
    "请先提交已上传材料的办件,或请运维人员扩充空间(配置项 [materials]),然后续传;此前已收到的内容仍保留。",
    retryable=True,
)
RESULT_NOT_READY = _code(
    "RESULT_NOT_READY",
    FAILED_PRECONDITION,
    "Case {case_id} is not decided yet; it is in state {state}.",
    "办件 {case_id} 尚未办结,当前状态为 {state}。",
    "Watch the case with WatchCase or `tongban case watch`; the result comes by itself.",
    "可用 WatchCase 或 tongban case watch 等待,结果会自动返回。",
    retryable=True,
)
ASSERTION_INVALID = _code(
    "ASSERTION_INVALID",
    FAILED_PRECONDITION,
    "The identity assertion cannot be used: {rule}.",
    "身份核验结果不能使用:{rule}。",
    "Verify the identity again with VerifyIdentity and send the new assertion.",
    "请重新核验身份,并提交新的核验结果。",
)

# Documents.

DOCUMENT_INVALID = _code(
    "DOCUMENT_INVALID",
    INVALID_ARGUMENT,
    "The document {name} is refused: {rule}.",
    "文档 {name} 被拒绝:{rule}。",
    "Obtain it again from its issuer, with all seals; `tongban directory list` shows what the node holds.",
    "请向签发方重新获取完整签封的文档;可用 tongban directory list 查看本节点所持文档。",
)
DOCUMENT_OLDER = _code(
    "DOCUMENT_OLDER",
    FAILED_PRECONDITION,
    "The document {name} has version {version}, and this node holds version {held}.",
    "文档 {name} 的版本为 {version},本节点已持有版本 {held}。",
    "Import a newer version; an older one is never taken back, and the same version never with other content.",
    "请导入更新的版本;旧版本或同版本不同内容的文档均不接受。",
)
DOCUMENT_UNKNOWN = _code(
    "DOCUMENT_UNKNOWN",
    NOT_FOUND,
    "This node holds no document with the digest {digest}.",
    "本节点没有摘要为 {digest} 的文档。",
    "List what it holds and ask for one of those.",
    "请先列出本节点所持文档,再按摘要获取。",
)
NOT_A_PARTY = _code(
    "NOT_A_PARTY",
    PERMISSION_DENIED,
    "{member} is not a party of this agreement, so it cannot sign it.",
    "{member} 不是该协议的一方,不能签署。",
    "Sign with a node of one of its parties.",
    "请由协议一方的节点签署。",
)
WINDOW_EXISTS = _code(
    "WINDOW_EXISTS",
    ALREADY_EXISTS,
    "A window {window} is registered already, or was once.",
    "窗口 {window} 已登记或曾经登记。",
    "Choose another id. A token that is lost cannot be shown again; take it back with `tongban window revoke`.",
    "请使用其他编号。遗失的令牌无法再次显示,请用 tongban window revoke 收回。",
)
WINDOW_NOT_FOUND = _code(
    "WINDOW_NOT_FOUND",
    NOT_FOUND,
    "No window {window} was ever registered.",
    "窗口 {window} 从未登记。",
    "Take an id from `tongban window list`.",
    "请使用 tongban window list 列出的编号。",
)

# Plugins and the node itself.

SOURCE_MISSING = _code(
    "SOURCE_MISSING",
    UNIMPLEMENTED,
    "{member} has no {source} source.",
    "成员 {member} 没有{source}数据源。",
    "Ask a member that publishes the service, or have an operator enable a plugin that brings the source.",
    "请向发布该服务的成员查询,或由运维人员启用提供数据源的插件。",
)
HANDLER_FAILED = _code(
    "HANDLER_FAILED",
    INTERNAL_STATUS,
    "The plugin that handles this failed.",
    "处理该请求的插件出错。",
    "Tell the operator of {member} the reference {reference}; under it the node's log says why.",
    "请将编号 {reference} 告知 {member} 的运维人员,节点日志中有详细原因。",
)
HANDLER_TIMEOUT = _code(
    "HANDLER_TIMEOUT",
    DEADLINE_EXCEEDED,
    "The plugin that handles this gave no answer within {seconds} s.",
    "处理该请求的插件在 {seconds} 秒内没有答复。",
    "Ask again later; if it goes on, tell the operator of {member} the reference {reference}.",
    "请稍后重试;如持续出现,请将编号 {reference} 告知 {member} 的运维人员。",
    retryable=True,
)
SERVICE_STATUS = _code(
    "SERVICE_STATUS",
    UNKNOWN,
    "The service answered with a status of its own: {said}.",
    "该服务返回了自定义状态:{said}。",
    "Its .proto, or the member that publishes it, says what the status means.",
    "请查阅该服务的 .proto,或向发布该服务的成员了解状态含义。",
)
STREAM_IMPOSSIBLE = _code(
    "STREAM_IMPOSSIBLE",
    UNIMPLEMENTED,
    "The method streams, and {what} carries no streams.",
    "该方法使用流,而 {what} 不支持流。",
    "Ask by a way that carries streams, or use a method that takes one request and gives one answer.",
    "请改用支持流的通道,或改用单一请求、单一答复的方法。",
)
STREAM_ALTERED = _code(
    "STREAM_ALTERED",
    UNAUTHENTICATED,
    "What came from {member} on a stream is not what it sealed at its end: {what}.",
    "{member} 流中的内容与其结束签封不一致:{what}。",
    "Use nothing of it and ask again; if it happens again, compare both evidence logs.",
    "请勿使用该内容并重新请求;若再次出现,请核对双方存证日志。",
)
STREAM_UNFINISHED = _code(
    "STREAM_UNFINISHED",
    UNAVAILABLE,
    "The stream from {member} broke off before its sealed end.",
    "来自 {member} 的流在签封结束之前中断。",
    "What came so far is not proved; ask again.",
    "已收到的内容未经签封证明,请重新请求。",
    retryable=True,
)
STORE_FAILED = _code(
    "STORE_FAILED",
    RESOURCE_EXHAUSTED,
    "The node of {member} cannot write to its disk now; nothing was changed.",
    "成员 {member} 的节点暂时无法写入磁盘;未作任何改动。",
    "Tell its operator the reference {reference}, and ask again when there is room.",
    "请将编号 {reference} 告知其运维人员,恢复后重试。",
    retryable=True,
)
OUTBOX_FULL = _code(
    "OUTBOX_FULL",
    RESOURCE_EXHAUSTED,
    "As many messages wait for the node of {member} as may wait ({waiting}); the case was not taken in.",
    "等待发往成员 {member} 节点的消息已达上限({waiting} 条),本次未收件。",
    "Ask again when that node can be reached; cases that were taken in before are kept and delivered.",
    "请在该节点恢复后重试;此前已收件的办件会保留并自动送达。",
    retryable=True,
)
OVERLOADED = _code(
    "OVERLOADED",
    UNAVAILABLE,
    "As much is under way at the node of {member} as may be ({limit} = {most}); this call was not begun.",
    "成员 {member} 的节点正在处理的请求已达上限({limit} = {most}),本次请求未予受理。",
    "Ask again when the time that the refusal names (RetryInfo) has passed.",
    "请在拒绝信息指明的时间(RetryInfo)之后重试。",
    retryable=True,
)
STOPPING = _code(
    "STOPPING",
    UNAVAILABLE,
    "The node of {member} is stopping.",
    "成员 {member} 的节点正在停止。",
    "Ask again when it runs, or another node of the member.",
    "请在节点恢复后重试,或使用该成员的其他节点。",
    retryable=True,
)
INTERNAL = _code(
    "INTERNAL",
    INTERNAL_STATUS,
    "The node of {member} failed.",
    "成员 {member} 的节点内部出错。",
    "Tell its operator the reference {reference}; under it the node's log says why.",
    "请将编号 {reference} 告知其运维人员,节点日志中有详细原因。",
)
