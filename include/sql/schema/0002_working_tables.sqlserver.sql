-- Our own working tables. Correctness rests on their keys alone, since a portal's tables may lack ours; none references
-- one of the portal's: its jobs may delete what they like, and a row less is looked up for each device of a request.
-- Alembic runs this once.

-- One row per bulk change that we have seen: who works on it, for which retry, on whose behalf. The deadline counts from
-- the plan of its calls; it moves by what its account was paused since PausedSeconds was noted.
CREATE TABLE device_association.change_state (
    BulkChangeId bigint PRIMARY KEY,
    RetryNumber int NOT NULL DEFAULT 0 CHECK (RetryNumber >= 0),
    ClaimRunId nvarchar(250) NULL,
    ClaimedDate datetime2(3) NULL,
    RunKey nvarchar(250) NULL,
    Actor nvarchar(100) NOT NULL,
    Reason nvarchar(500) NULL,
    DeadlineDate datetime2(3) NULL,
    ConnectionId nvarchar(250) NULL,
    PausedSeconds int NULL,
    AbortPercent int NULL CHECK (AbortPercent BETWEEN 1 AND 100),
    AbortSample int NULL CHECK (AbortSample > 0),
    CreatedDate datetime2(3) NOT NULL,
    CHECK (
        (ClaimRunId IS NULL AND ClaimedDate IS NULL) OR (ClaimRunId IS NOT NULL AND ClaimedDate IS NOT NULL)
    )
);
-- A plain unique key would take two nulls as equal.
CREATE UNIQUE INDEX ux_change_state_run_key ON device_association.change_state (RunKey) WHERE RunKey IS NOT NULL;

-- What a change asks for every device of it. A change that the portal wrote may hold several; the data checks refuse that.
CREATE TABLE device_association.request_terms (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    BulkChangeId bigint NOT NULL,
    TermsHash char(64) NOT NULL,
    RevCustomerId uniqueidentifier NOT NULL,
    CreateRevService bit NOT NULL,
    ServiceTypeId int NULL,
    ProviderId int NULL,
    UsagePlanGroupId int NULL,
    RevPackageId int NULL,
    RevProductIdList nvarchar(MAX) NOT NULL,
    RateList nvarchar(MAX) NOT NULL,
    Prorate bit NOT NULL,
    Description nvarchar(1000) NULL,
    AddCarrierRatePlan bit NOT NULL,
    CarrierRatePlan nvarchar(50) NULL,
    CommPlan nvarchar(100) NULL,
    AddCustomerRatePlan bit NOT NULL,
    CustomerRatePlanId int NULL,
    CustomerRatePoolId int NULL,
    CustomerDataAllocationMB decimal(25, 4) NULL,
    UNIQUE (BulkChangeId, TermsHash)
);

-- A device's own part of the request. EffectiveDate null: the device's activation date, else now.
CREATE TABLE device_association.requested_device (
    M2MDeviceChangeId bigint PRIMARY KEY,
    BulkChangeId bigint NOT NULL,
    TermsId bigint NOT NULL,
    EffectiveDate datetime2(3) NULL,
    ActivatedDate datetime2(3) NULL
);
CREATE INDEX ix_requested_device_change ON device_association.requested_device (BulkChangeId, M2MDeviceChangeId);

-- Who holds a device: at most one operation in a tenant. A transaction that sets scheduled plans holds its devices under
-- numbers below 0, and gives them back before it ends.
CREATE TABLE device_association.device_hold (
    TenantId int NOT NULL,
    DeviceId int NOT NULL,
    BulkChangeId bigint NOT NULL,
    M2MDeviceChangeId bigint NOT NULL UNIQUE,
    CreatedDate datetime2(3) NOT NULL,
    PRIMARY KEY (TenantId, DeviceId)
);
CREATE INDEX ix_device_hold_change ON device_association.device_hold (BulkChangeId, M2MDeviceChangeId);

-- Why no further device of a change is begun: the first stop of a retry wins.
CREATE TABLE device_association.change_stop (
    BulkChangeId bigint NOT NULL,
    RetryNumber int NOT NULL,
    Code nvarchar(50) NOT NULL CHECK (
        Code IN ('CANCELED_BY_USER', 'STOPPED', 'REV_UNAUTHORIZED', 'APPROVAL_REFUSED', 'APPROVAL_EXPIRED')
    ),
    Actor nvarchar(100) NOT NULL,
    Reason nvarchar(500) NOT NULL,
    CreatedDate datetime2(3) NOT NULL,
    PRIMARY KEY (BulkChangeId, RetryNumber)
);

-- Which steps a change has had in a retry, how long each took and what it counted.
CREATE TABLE device_association.change_step (
    BulkChangeId bigint NOT NULL,
    RetryNumber int NOT NULL,
    Step nvarchar(100) NOT NULL,
    StartedDate datetime2(3) NOT NULL,
    EndedDate datetime2(3) NOT NULL,
    Counts nvarchar(MAX) NOT NULL,
    PRIMARY KEY (BulkChangeId, RetryNumber, Step),
    CHECK (EndedDate >= StartedDate)
);

-- How a retry of a change ended. The counts add up.
CREATE TABLE device_association.change_result (
    BulkChangeId bigint NOT NULL,
    RetryNumber int NOT NULL,
    Status nvarchar(50) NOT NULL,
    Devices int NOT NULL,
    Processed int NOT NULL,
    Errors int NOT NULL,
    ApiFailed int NOT NULL,
    Canceled int NOT NULL,
    CreatedDate datetime2(3) NOT NULL,
    PRIMARY KEY (BulkChangeId, RetryNumber),
    CHECK (Devices = Processed + Errors + ApiFailed + Canceled)
);
CREATE INDEX ix_change_result_date ON device_association.change_result (CreatedDate);

-- The devices of one mapped task: a range of row ids, decided once per change and retry.
CREATE TABLE device_association.rev_service_slice (
    BulkChangeId bigint NOT NULL,
    RetryNumber int NOT NULL,
    SliceNumber int NOT NULL CHECK (SliceNumber >= 0),
    FirstRowId bigint NOT NULL,
    LastRowId bigint NOT NULL,
    Devices int NOT NULL CHECK (Devices > 0),
    PRIMARY KEY (BulkChangeId, RetryNumber, SliceNumber),
    CHECK (LastRowId >= FirstRowId)
);

-- The active lines that Rev.io has shown and that may be the SIM's of an intent, as they were shown last (Record, JSON).
-- NeedsCheck: it was not shown for this change, and is read again before anything is decided by it.
CREATE TABLE device_association.known_line (
    IntentId bigint NOT NULL,
    LineKey varchar(64) NOT NULL,
    NeedsCheck bit NOT NULL,
    Record nvarchar(MAX) NOT NULL,
    PRIMARY KEY (IntentId, LineKey)
);

-- One row per line that we want from Rev.io, or that a revert ends there (EndsRevServiceId), written before the call: at
-- most one open per account and SIM. KEPT: what was to be ended is left at Rev.io, its Detail says why. LookedDate: from when
-- what Rev.io shows of the SIM is known; a call begins soon after it. CalledDate, CalledBody: the last call and what it sent.
CREATE TABLE device_association.rev_intent (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    IntegrationAuthenticationId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    MSISDN nvarchar(50) NULL,
    DeviceId int NOT NULL,
    BulkChangeId bigint NOT NULL,
    M2MDeviceChangeId bigint NOT NULL,
    RevCustomerId uniqueidentifier NOT NULL,
    State nvarchar(20) NOT NULL CHECK (
        State IN ('PLANNED', 'CALLING', 'UNKNOWN', 'CREATED', 'ADOPTED', 'ENDED', 'KEPT', 'REJECTED', 'ABANDONED')
    ),
    LeaseOwner nvarchar(250) NULL,
    LeaseUntil datetime2(3) NULL,
    UnknownSince datetime2(3) NULL,
    LookedDate datetime2(3) NULL,
    CalledDate datetime2(3) NULL,
    CalledBody nvarchar(MAX) NULL,
    Calls int NOT NULL DEFAULT 0,
    RevServiceId int NULL,
    EndsRevServiceId int NULL,
    ReadyDate datetime2(3) NULL,
    TriedAgainDate datetime2(3) NULL,
    Detail nvarchar(1000) NULL,
    CreatedDate datetime2(3) NOT NULL,
    ModifiedDate datetime2(3) NOT NULL,
    CHECK (ReadyDate IS NULL OR State IN ('CREATED', 'ADOPTED', 'ENDED', 'KEPT')),
    CHECK ((State = 'CALLING' AND LeaseUntil IS NOT NULL) OR (State <> 'CALLING' AND LeaseUntil IS NULL)),
    CHECK ((State = 'UNKNOWN' AND UnknownSince IS NOT NULL) OR (State <> 'UNKNOWN' AND UnknownSince IS NULL)),
    CHECK (
        (State IN ('CREATED', 'ADOPTED') AND RevServiceId IS NOT NULL)
        OR (State NOT IN ('CREATED', 'ADOPTED') AND RevServiceId IS NULL)
    ),
    CHECK (EndsRevServiceId IS NULL OR State NOT IN ('CREATED', 'ADOPTED')),
    CHECK (EndsRevServiceId IS NOT NULL OR State NOT IN ('ENDED', 'KEPT'))
);
CREATE UNIQUE INDEX ux_rev_intent_open
    ON device_association.rev_intent (IntegrationAuthenticationId, ICCID)
    WHERE State IN ('PLANNED', 'CALLING', 'UNKNOWN');
-- Who else asks for a SIM, in whatever account, is looked up before each call.
CREATE INDEX ix_rev_intent_iccid ON device_association.rev_intent (ICCID, State);
CREATE INDEX ix_rev_intent_row ON device_association.rev_intent (M2MDeviceChangeId);
CREATE INDEX ix_rev_intent_change ON device_association.rev_intent (BulkChangeId, M2MDeviceChangeId);
CREATE INDEX ix_rev_intent_ends ON device_association.rev_intent (EndsRevServiceId, IntegrationAuthenticationId);

-- Which SIM a line belongs to, from the moment we created or adopted it: one line never serves two SIMs.
CREATE TABLE device_association.rev_line_owner (
    IntegrationAuthenticationId int NOT NULL,
    RevServiceId int NOT NULL,
    ICCID nvarchar(50) NOT NULL,
    CreatedDate datetime2(3) NOT NULL,
    PRIMARY KEY (IntegrationAuthenticationId, RevServiceId)
);

-- The line that a person named as the SIM's of a row whose lines could not be told apart: the last naming, an earlier one is
-- replaced. The next retry adopts it. Of two SIMs for which the same line was named it is the later one's.
CREATE TABLE device_association.named_line (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    BulkChangeId bigint NOT NULL,
    M2MDeviceChangeId bigint NOT NULL UNIQUE,
    IntegrationAuthenticationId int NOT NULL,
    RevServiceId int NOT NULL CHECK (RevServiceId > 0),
    ICCID nvarchar(50) NOT NULL,
    Actor nvarchar(100) NOT NULL,
    Reason nvarchar(500) NOT NULL,
    CreatedDate datetime2(3) NOT NULL
);
CREATE INDEX ix_named_line_line ON device_association.named_line (IntegrationAuthenticationId, RevServiceId);

-- Each product of a line is a step with an outcome of its own. ADOPTED: it was on an adopted line before we asked for it.
-- A step of an intent that ends a line names the product from the beginning, until that is ENDED.
CREATE TABLE device_association.rev_product_step (
    IntentId bigint NOT NULL REFERENCES device_association.rev_intent (id),
    ProductId int NOT NULL,
    Rate decimal(25, 4) NULL,
    State nvarchar(20) NOT NULL CHECK (
        State IN ('PLANNED', 'CALLING', 'CREATED', 'ADOPTED', 'ENDED', 'REJECTED')
    ),
    LeaseUntil datetime2(3) NULL,
    ServiceProductId int NULL,
    Detail nvarchar(1000) NULL,
    ModifiedDate datetime2(3) NOT NULL,
    PRIMARY KEY (IntentId, ProductId),
    CHECK ((State = 'CALLING' AND LeaseUntil IS NOT NULL) OR (State <> 'CALLING' AND LeaseUntil IS NULL)),
    CHECK (State NOT IN ('CREATED', 'ADOPTED', 'ENDED') OR ServiceProductId IS NOT NULL)
);

-- What all workers and runs together know of a Rev.io account's limits: its pace, its pause, its day, its breaker.
CREATE TABLE device_association.call_budget (
    ConnectionId nvarchar(250) PRIMARY KEY,
    CallsPerMinute int NOT NULL CHECK (CallsPerMinute > 0),
    TimeZone nvarchar(100) NOT NULL DEFAULT ('UTC'),
    NextPaced datetime2(3) NOT NULL,
    PausedUntil datetime2(3) NOT NULL,
    PauseReason nvarchar(200) NOT NULL DEFAULT N'',
    PausedSeconds int NOT NULL DEFAULT 0,
    Day date NOT NULL,
    CallsToday int NOT NULL DEFAULT 0 CHECK (CallsToday >= 0),
    FailuresInRow int NOT NULL DEFAULT 0,
    OpenUntil datetime2(3) NOT NULL
);

-- One row for each call that fits into the account's sliding minute. A call takes a row, which is free again a minute later:
-- what a killed worker took comes back by itself.
CREATE TABLE device_association.call_slot (
    ConnectionId nvarchar(250) NOT NULL REFERENCES device_association.call_budget (ConnectionId),
    SlotNumber int NOT NULL CHECK (SlotNumber > 0),
    FreeFrom datetime2(3) NOT NULL,
    UsedFrom datetime2(3) NOT NULL,
    BulkChangeId bigint NOT NULL,
    PRIMARY KEY (ConnectionId, SlotNumber)
);

-- Messages and notifications that are owed, written in the transaction that owes them.
CREATE TABLE device_association.outbox (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    Kind nvarchar(20) NOT NULL CHECK (Kind IN ('MESSAGE', 'NOTIFICATION')),
    BulkChangeId bigint NOT NULL,
    RetryNumber int NOT NULL,
    Payload nvarchar(MAX) NOT NULL,
    CreatedDate datetime2(3) NOT NULL,
    SentDate datetime2(3) NULL,
    Attempts int NOT NULL DEFAULT 0,
    LastError nvarchar(1000) NULL,
    UNIQUE (Kind, BulkChangeId, RetryNumber)
);
CREATE INDEX ix_outbox_unsent ON device_association.outbox (SentDate, CreatedDate);

-- What became of each scheduled rate plan that was done, one row for a row of the portal's queue. Rows of one batch were
-- decided in one transaction.
CREATE TABLE device_association.plan_outcome (
    QueueId bigint NOT NULL PRIMARY KEY,
    DeviceId int NOT NULL,
    TenantId int NOT NULL,
    BulkChangeId bigint NULL,
    M2MDeviceChangeId bigint NULL,
    BatchId uniqueidentifier NOT NULL,
    Outcome nvarchar(50) NOT NULL CHECK (
        Outcome IN ('APPLIED', 'CUSTOMER_CHANGED', 'DEVICE_ARCHIVED', 'PLAN_NOT_FOUND', 'SUPERSEDED', 'REVERTED')
    ),
    Detail nvarchar(1000) NULL,
    DecidedDate datetime2(3) NOT NULL,
    CHECK ((Outcome = 'APPLIED' AND Detail IS NULL) OR (Outcome <> 'APPLIED' AND Detail IS NOT NULL))
);
CREATE INDEX ix_plan_outcome_batch ON device_association.plan_outcome (BatchId);
CREATE INDEX ix_plan_outcome_change ON device_association.plan_outcome (BulkChangeId);

-- Which change takes back which: a change is taken back once.
CREATE TABLE device_association.reversal (
    BulkChangeId bigint PRIMARY KEY,
    RevertedChangeId bigint NOT NULL UNIQUE,
    CreatedDate datetime2(3) NOT NULL,
    CHECK (BulkChangeId <> RevertedChangeId)
);

-- Which row of the first change a row takes back, and the intent of the line that is to be ended for it, or of which products
-- are: one that the first change created. None: nothing of it is at Rev.io.
CREATE TABLE device_association.reverted_device (
    M2MDeviceChangeId bigint PRIMARY KEY,
    BulkChangeId bigint NOT NULL,
    RevertedRowId bigint NOT NULL UNIQUE,
    LineIntentId bigint NULL
);
CREATE INDEX ix_reverted_device_change ON device_association.reverted_device (BulkChangeId, M2MDeviceChangeId);

-- Requests that came with a key: the same key gives the same answer for a day. Hashes compare alike on both databases.
CREATE TABLE device_association.request_key (
    UserId int NOT NULL,
    KeyHash char(64) NOT NULL,
    BodyHash char(64) NOT NULL,
    BulkChangeId bigint NULL,
    Accepted int NULL,
    Rejected int NULL,
    CreatedDate datetime2(3) NOT NULL,
    PRIMARY KEY (UserId, KeyHash)
);

-- When a change of a tenant has to be approved by a second person before it starts; a threshold that is null asks nobody.
CREATE TABLE device_association.approval_rule (
    TenantId int PRIMARY KEY,
    MostDevices int NULL CHECK (MostDevices > 0),
    MostRejectedPercent int NULL CHECK (MostRejectedPercent BETWEEN 1 AND 100),
    FirstUse bit NOT NULL,
    ModifiedBy nvarchar(100) NOT NULL,
    ModifiedDate datetime2(3) NOT NULL
);

-- Why a change waits for approval, the Airflow run that asks a person, and the first answer, which counts.
CREATE TABLE device_association.approval (
    BulkChangeId bigint PRIMARY KEY,
    Why nvarchar(500) NOT NULL,
    AskedBy nvarchar(100) NOT NULL,
    AskedDate datetime2(3) NOT NULL,
    ExpiresDate datetime2(3) NOT NULL,
    RunId nvarchar(250) NULL,
    Answer varchar(20) NULL CHECK (Answer IN ('APPROVED', 'REFUSED', 'EXPIRED', 'CANCELED')),
    AnsweredBy nvarchar(100) NULL,
    AnsweredDate datetime2(3) NULL,
    CHECK (
        (Answer IS NULL AND AnsweredDate IS NULL AND AnsweredBy IS NULL)
        OR (Answer IS NOT NULL AND AnsweredDate IS NOT NULL AND AnsweredBy IS NOT NULL)
    )
);
CREATE INDEX ix_approval_open ON device_association.approval (Answer, ExpiresDate);

-- What was found that a person has to look at, or that was repaired: one row a kind and subject, for as long as it is known.
CREATE TABLE device_association.finding (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    Kind nvarchar(50) NOT NULL,
    Subject nvarchar(200) NOT NULL,
    IntegrationAuthenticationId int NULL,
    TenantId int NULL,
    BulkChangeId bigint NULL,
    ICCID nvarchar(50) NULL,
    RevServiceId int NULL,
    Detail nvarchar(1000) NOT NULL,
    IsRepaired bit NOT NULL,
    FoundDate datetime2(3) NOT NULL,
    SeenDate datetime2(3) NOT NULL,
    ClosedDate datetime2(3) NULL,
    UNIQUE (Kind, Subject),
    CHECK (SeenDate >= FoundDate)
);
CREATE INDEX ix_finding_open ON device_association.finding (ClosedDate, id);
CREATE INDEX ix_finding_line ON device_association.finding (IntegrationAuthenticationId, RevServiceId);

-- When an account's lines were last listed by Rev.io, and who is just listing them. LookedDate: what was created before it
-- is known; NewestDate and NewestServiceId: the newest of these lines by Rev.io's own clock. ProvenDate: when the filters on
-- numbers were last seen to work. IrregularLines: how many lines these filters would miss, however a SIM is spelled. A reconciliation that writes for the
-- account holds this row, so that two of them go one after the other.
CREATE TABLE device_association.vendor_listing (
    IntegrationAuthenticationId int PRIMARY KEY,
    ListedDate datetime2(3) NULL,
    LineCount int NULL,
    IsWhole smallint NOT NULL DEFAULT 1 CHECK (IsWhole IN (0, 1)),
    LookedDate datetime2(3) NULL,
    LookBegunDate datetime2(3) NULL,
    NewestDate datetime2(3) NULL,
    NewestServiceId int NULL,
    ProvenDate datetime2(3) NULL,
    IrregularLines int NULL,
    IccidLengths nvarchar(100) NULL,
    LeaseOwner nvarchar(250) NULL,
    LeaseUntil datetime2(3) NULL,
    CHECK ((LeaseOwner IS NULL AND LeaseUntil IS NULL) OR (LeaseOwner IS NOT NULL AND LeaseUntil IS NOT NULL)),
    CHECK ((ListedDate IS NULL AND LineCount IS NULL) OR (ListedDate IS NOT NULL AND LineCount IS NOT NULL))
);

-- The lines of an account as Rev.io showed them last. ListedDate: when that listing or look began; ShownDate: since when a line
-- is known here as it is.
CREATE TABLE device_association.vendor_line (
    IntegrationAuthenticationId int NOT NULL,
    RevServiceId int NOT NULL,
    CustomerNumber nvarchar(50) NULL,
    Number nvarchar(255) NULL,
    Number2 nvarchar(255) NULL,
    CreatedDate datetime2(3) NULL,
    DisconnectedDate datetime2(3) NULL,
    ListedDate datetime2(3) NOT NULL,
    ShownDate datetime2(3) NOT NULL,
    PRIMARY KEY (IntegrationAuthenticationId, RevServiceId)
);
CREATE INDEX ix_vendor_line_shown ON device_association.vendor_line (IntegrationAuthenticationId, ShownDate);

-- The numbers of these lines by which they are found, however they are spelled: see `Line.match_keys`.
CREATE TABLE device_association.vendor_line_key (
    IntegrationAuthenticationId int NOT NULL,
    MatchKey nvarchar(60) NOT NULL,
    RevServiceId int NOT NULL,
    PRIMARY KEY (MatchKey, IntegrationAuthenticationId, RevServiceId)
);

-- Records of an account that Rev.io showed and that cannot be judged: no id, no customer, a number without its digits.
CREATE TABLE device_association.unjudged_line (
    IntegrationAuthenticationId int NOT NULL,
    LineKey varchar(64) NOT NULL,
    Record nvarchar(MAX) NOT NULL,
    RevServiceId int NULL,
    CustomerNumber nvarchar(50) NULL,
    DisconnectedDate datetime2(3) NULL,
    ListedDate datetime2(3) NOT NULL,
    PRIMARY KEY (IntegrationAuthenticationId, LineKey)
);

-- The numbers by which those records are found that the keys of the lines do not find: see `unjudged_keys`.
CREATE TABLE device_association.unjudged_line_key (
    IntegrationAuthenticationId int NOT NULL,
    MatchKey nvarchar(60) NOT NULL,
    LineKey varchar(64) NOT NULL,
    PRIMARY KEY (MatchKey, IntegrationAuthenticationId, LineKey),
    FOREIGN KEY (IntegrationAuthenticationId, LineKey)
    REFERENCES device_association.unjudged_line (IntegrationAuthenticationId, LineKey) ON DELETE CASCADE
);

-- Messages that nobody could work on: found in the dead-letter queue, then put back or set aside; GONE left it otherwise.
CREATE TABLE device_association.dead_letter (
    id bigint IDENTITY (1, 1) NOT NULL PRIMARY KEY,
    MessageId nvarchar(100) NOT NULL UNIQUE,
    Body nvarchar(MAX) NOT NULL,
    Attributes nvarchar(MAX) NOT NULL,
    BulkChangeId bigint NULL,
    RetryNumber bigint NULL,
    Cause nvarchar(50) NOT NULL,
    Detail nvarchar(1000) NOT NULL,
    State nvarchar(20) NOT NULL CHECK (State IN ('FOUND', 'PUT_BACK', 'SET_ASIDE', 'GONE')),
    SentDate datetime2(3) NULL,
    FoundDate datetime2(3) NOT NULL,
    SeenDate datetime2(3) NOT NULL,
    DecidedDate datetime2(3) NULL,
    DecidedBy nvarchar(100) NULL,
    CHECK ((State = 'FOUND' AND DecidedDate IS NULL) OR (State <> 'FOUND' AND DecidedDate IS NOT NULL))
);
CREATE INDEX ix_dead_letter_state ON device_association.dead_letter (State, SeenDate);

-- When each of our jobs was last seen at work.
CREATE TABLE device_association.job (
    Name nvarchar(50) NOT NULL PRIMARY KEY,
    SeenDate datetime2(3) NOT NULL
);

-- What is not well, one row an alarm and subject, and when somebody was told; its end is told too. A failed or late run is
-- over at once: it is told again when the last telling is old enough.
CREATE TABLE device_association.alarm (
    Name nvarchar(50) NOT NULL,
    Subject nvarchar(250) NOT NULL,
    Said nvarchar(1000) NOT NULL,
    RaisedDate datetime2(3) NOT NULL,
    EndedDate datetime2(3) NULL,
    ToldDate datetime2(3) NULL,
    PRIMARY KEY (Name, Subject)
);

GO
-- The checked, open rows whose line is settled or not asked for, with what each device is to get.
CREATE VIEW device_association.settled_device AS
SELECT
    m.BulkChangeId,
    m.id AS M2MDeviceChangeId,
    m.DeviceId,
    m.ICCID,
    m.MSISDN,
    c.TenantId,
    c.ServiceProviderId,
    s.id AS SiteId,
    k.RevCustomerId AS AccountNumber,
    k.CustomerName AS AccountName,
    k.IntegrationAuthenticationId AS AccountNumberIntegrationAuthenticationId,
    l.id AS RevServiceId,
    d.EffectiveDate,
    t.AddCustomerRatePlan,
    t.CustomerRatePlanId,
    t.CustomerRatePoolId,
    t.CustomerDataAllocationMB,
    t.AddCarrierRatePlan,
    t.CarrierRatePlan,
    t.CommPlan
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
INNER JOIN dbo.RevCustomer AS k ON t.RevCustomerId = k.id
INNER JOIN dbo.Site AS s ON k.id = s.RevCustomerId AND c.TenantId = s.TenantId AND s.IsActive = 1 AND s.IsDeleted = 0
LEFT JOIN device_association.rev_intent AS i ON m.id = i.M2MDeviceChangeId AND i.ReadyDate IS NOT NULL
LEFT JOIN dbo.RevService AS l
    ON i.RevServiceId = l.RevServiceId AND i.IntegrationAuthenticationId = l.IntegrationAuthenticationId
WHERE
    m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.DeviceId IS NOT NULL
    AND (t.CreateRevService = 0 OR i.ReadyDate IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM device_association.reversal AS x WHERE x.BulkChangeId = m.BulkChangeId);
GO
-- The checked, open rows of reverts whose line is settled, or of which nothing is at Rev.io.
CREATE VIEW device_association.reverting_device AS
SELECT
    m.BulkChangeId,
    m.id AS M2MDeviceChangeId,
    m.DeviceId,
    m.ICCID,
    m.MSISDN,
    c.TenantId,
    c.ServiceProviderId,
    v.RevertedChangeId,
    t.RevCustomerId
FROM dbo.M2M_DeviceChange AS m
INNER JOIN dbo.DeviceBulkChange AS c ON m.BulkChangeId = c.id
INNER JOIN device_association.reversal AS v ON m.BulkChangeId = v.BulkChangeId
INNER JOIN device_association.reverted_device AS r ON m.id = r.M2MDeviceChangeId
INNER JOIN device_association.requested_device AS d ON m.id = d.M2MDeviceChangeId
INNER JOIN device_association.request_terms AS t ON d.TermsId = t.id
WHERE
    m.Status = 'PROCESSING'
    AND m.IsProcessed = 0
    AND m.DeviceId IS NOT NULL
    AND (
        r.LineIntentId IS NULL
        OR EXISTS (
            SELECT 1 FROM device_association.rev_intent AS i
            WHERE i.M2MDeviceChangeId = m.id AND i.ReadyDate IS NOT NULL
        )
    );
GO
-- What the first change did to each device that a revert takes back: a row a field, with the value before its first change of
-- it, the value after its last, and when that was.
CREATE VIEW device_association.reverted_field AS
SELECT
    x.BulkChangeId,
    x.M2MDeviceChangeId,
    x.ChangedField,
    MAX(CASE WHEN x.FromStart = 1 THEN x.PreviousValue END) AS FormerValue,
    MAX(CASE WHEN x.FromEnd = 1 THEN x.CurrentValue END) AS LeftValue,
    MIN(x.DateOfChange) AS FirstDate,
    MIN(x.HistoryId) AS FirstHistoryId
FROM (
    SELECT
        r.BulkChangeId,
        r.M2MDeviceChangeId,
        h.ChangedField,
        h.PreviousValue,
        h.CurrentValue,
        h.DateOfChange,
        h.id AS HistoryId,
        ROW_NUMBER() OVER (PARTITION BY r.BulkChangeId, r.M2MDeviceChangeId, h.ChangedField ORDER BY h.id ASC) AS FromStart,
        ROW_NUMBER() OVER (PARTITION BY r.BulkChangeId, r.M2MDeviceChangeId, h.ChangedField ORDER BY h.id DESC) AS FromEnd
    FROM device_association.reverted_device AS r
    INNER JOIN device_association.reversal AS v ON r.BulkChangeId = v.BulkChangeId
    INNER JOIN dbo.M2M_DeviceChange AS m ON r.M2MDeviceChangeId = m.id
    INNER JOIN dbo.DeviceActionHistory AS h
        ON v.RevertedChangeId = h.BulkChangeId AND m.DeviceId = h.M2MDeviceId AND h.IsDeleted = 0
) AS x
GROUP BY x.BulkChangeId, x.M2MDeviceChangeId, x.ChangedField;
GO
-- What each device that a revert takes back had before the first change, of the fields that this changed: a row a device.
CREATE VIEW device_association.former_device AS
SELECT
    f.BulkChangeId,
    f.M2MDeviceChangeId,
    MIN(f.FirstDate) AS FirstDate,
    MAX(CASE WHEN f.ChangedField = 'SiteId' THEN 1 ELSE 0 END) AS HasSite,
    MAX(CASE WHEN f.ChangedField = 'SiteId' THEN f.FormerValue END) AS FormerSite,
    MAX(CASE WHEN f.ChangedField = 'AccountNumber' THEN 1 ELSE 0 END) AS HasNumber,
    MAX(CASE WHEN f.ChangedField = 'AccountNumber' THEN f.FormerValue END) AS FormerNumber,
    MAX(CASE WHEN f.ChangedField = 'AccountNumberIntegrationAuthenticationId' THEN 1 ELSE 0 END) AS HasAccount,
    MAX(CASE WHEN f.ChangedField = 'AccountNumberIntegrationAuthenticationId' THEN f.FormerValue END) AS FormerAccount,
    MAX(CASE WHEN f.ChangedField = 'RevServiceId' THEN 1 ELSE 0 END) AS HasLine,
    MAX(CASE WHEN f.ChangedField = 'RevServiceId' THEN f.FormerValue END) AS FormerLine,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePlanId' THEN 1 ELSE 0 END) AS HasPlan,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePlanId' THEN f.FormerValue END) AS FormerPlan,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePoolId' THEN 1 ELSE 0 END) AS HasPool,
    MAX(CASE WHEN f.ChangedField = 'CustomerRatePoolId' THEN f.FormerValue END) AS FormerPool,
    MAX(CASE WHEN f.ChangedField = 'CustomerDataAllocationMB' THEN 1 ELSE 0 END) AS HasAllocation,
    MAX(CASE WHEN f.ChangedField = 'CustomerDataAllocationMB' THEN f.FormerValue END) AS FormerAllocation,
    MAX(CASE WHEN f.ChangedField = 'IsActive' THEN 1 ELSE 0 END) AS HasActive,
    MAX(CASE WHEN f.ChangedField = 'IsActive' THEN f.FormerValue END) AS FormerActive,
    MAX(CASE WHEN f.ChangedField = 'IsDeleted' THEN 1 ELSE 0 END) AS HasDeleted,
    MAX(CASE WHEN f.ChangedField = 'IsDeleted' THEN f.FormerValue END) AS FormerDeleted,
    MAX(CASE WHEN f.ChangedField = 'CarrierRatePlanId' THEN 1 ELSE 0 END) AS HasCarrier,
    MAX(CASE WHEN f.ChangedField = 'CarrierRatePlanId' THEN f.FormerValue END) AS FormerCarrier,
    MAX(CASE WHEN f.ChangedField = 'CommPlan' THEN 1 ELSE 0 END) AS HasComm,
    MAX(CASE WHEN f.ChangedField = 'CommPlan' THEN f.FormerValue END) AS FormerComm
FROM device_association.reverted_field AS f
GROUP BY f.BulkChangeId, f.M2MDeviceChangeId;

GO
-- Which changes a portal user may see: those of the user's tenant and of its sub-tenants, and of them, where the user has or
-- ever had a list of customers, those that are for these customers only.
CREATE VIEW device_association.visible_change AS
SELECT
    u.id AS UserId,
    c.id AS BulkChangeId
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS t ON u.TenantId = t.id OR u.TenantId = t.ParentTenantId
INNER JOIN dbo.DeviceBulkChange AS c ON t.id = c.TenantId
WHERE
    c.IsDeleted = 0
    AND c.ChangeRequestTypeId = 4
    AND (
        NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id)
        OR (
            EXISTS (SELECT 1 FROM device_association.request_terms AS q WHERE q.BulkChangeId = c.id)
            AND NOT EXISTS (
                SELECT 1 FROM device_association.request_terms AS q
                WHERE
                    q.BulkChangeId = c.id
                    AND NOT EXISTS (
                        SELECT 1 FROM dbo.PortalUserRevCustomer AS r
                        WHERE
                            r.UserId = u.id AND r.RevCustomerId = q.RevCustomerId AND r.IsActive = 1 AND r.IsDeleted = 0
                    )
            )
        )
    );

GO
-- Which devices a portal user may see: those of the user's tenant and of its sub-tenants, and the parent's that no customer
-- has; of them, where the user has or ever had a list of customers, those that have none or one of these.
CREATE VIEW device_association.visible_device AS
SELECT
    u.id AS UserId,
    x.id AS DeviceTenantId,
    x.DeviceId AS DeviceId
FROM dbo.PortalUser AS u
INNER JOIN dbo.Tenant AS own ON u.TenantId = own.id
INNER JOIN dbo.Tenant AS t ON own.id = t.id OR own.id = t.ParentTenantId OR own.ParentTenantId = t.id
INNER JOIN dbo.Device_Tenant AS x ON t.id = x.TenantId
WHERE
    x.IsDeleted = 0
    AND (x.AccountNumber IS NULL OR t.id = own.id OR t.ParentTenantId = own.id)
    AND (
        x.AccountNumber IS NULL
        OR NOT EXISTS (SELECT 1 FROM dbo.PortalUserRevCustomer AS r WHERE r.UserId = u.id)
        OR EXISTS (
            SELECT 1
            FROM dbo.PortalUserRevCustomer AS r
            INNER JOIN dbo.RevCustomer AS k ON r.RevCustomerId = k.id
            WHERE
                r.UserId = u.id
                AND r.IsActive = 1
                AND r.IsDeleted = 0
                AND k.RevCustomerId = x.AccountNumber
                AND COALESCE(k.IntegrationAuthenticationId, 0) = COALESCE(x.AccountNumberIntegrationAuthenticationId, 0)
        )
    );

GO
-- The digits that name a device's SIM, in each form that a plain number may have: its ICCID with and without the Luhn digit
-- (19 and 20 digits), and its number with and without the country code 1. sim_numbers.py says the same. What is taken out of
-- a number is compared by its code (BIN2), and the result has the database's own collation again, as the columns that it is
-- searched in. Each branch reads one table without a condition of its own, as its twin for PostgreSQL.
CREATE VIEW device_association.sim_key AS
SELECT
    k.DeviceId AS DeviceId,
    1 AS IsSim,
    CASE WHEN k.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND k.Digits <> N'' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END AS Digits
FROM (
    SELECT
        b.DeviceId,
        LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) AS Digits
    FROM (
        SELECT
            d.id AS DeviceId,
            REPLACE(TRANSLATE(d.ICCID COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
        FROM dbo.Device AS d
    ) AS b
) AS k
UNION ALL
SELECT
    c.DeviceId,
    1,
    CASE
        WHEN c.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND LEN(c.Digits) = 19
            THEN CAST(CONCAT(c.Digits, c.CheckDigit) AS nvarchar(255)) COLLATE DATABASE_DEFAULT
        WHEN c.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' AND LEN(c.Digits) = 20
            THEN CASE WHEN SUBSTRING(c.Digits, 20, 1) = c.CheckDigit THEN CAST(LEFT(c.Digits, 19) AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
    END
FROM (
    SELECT
        n.DeviceId,
        n.Digits,
        SUBSTRING(
            N'0987654321',
            ABS(
                CHARINDEX(SUBSTRING(n.Digits, 1, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 2, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 3, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 4, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 5, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 6, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 7, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 8, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 9, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 10, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 11, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 12, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 13, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 14, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 15, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 16, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 17, 1), N'0516273849') + CHARINDEX(SUBSTRING(n.Digits, 18, 1), N'0123456789')
                + CHARINDEX(SUBSTRING(n.Digits, 19, 1), N'0516273849') - 19
            ) % 10 + 1,
            1
        ) AS CheckDigit
    FROM (
        SELECT
            d.id AS DeviceId,
            d.ICCID AS Digits
        FROM dbo.Device AS d
        UNION ALL
        SELECT
            b.DeviceId,
            CASE
                WHEN b.ICCID COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%'
                    THEN CAST(LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) AS nvarchar(50)) COLLATE DATABASE_DEFAULT
            END AS Digits
        FROM (
            SELECT
                d.id AS DeviceId,
                d.ICCID,
                REPLACE(TRANSLATE(d.ICCID COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
            FROM dbo.Device AS d
        ) AS b
    ) AS n
) AS c
UNION ALL
SELECT
    k.DeviceId,
    0,
    CASE WHEN k.Digits <> N'' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
FROM (
    SELECT
        j.DeviceId,
        REPLACE(TRANSLATE(j.MSISDN COLLATE Latin1_General_BIN2, j.Junk, REPLICATE(N' ', LEN(j.Junk))), N' ', N'') AS Digits
    FROM (
        SELECT
            d.id AS DeviceId,
            d.MSISDN,
            CONCAT(N'-', REPLACE(TRANSLATE(d.MSISDN COLLATE Latin1_General_BIN2, N'0123456789', N'          '), N' ', N'')) AS Junk
        FROM dbo.Device AS d
    ) AS j
) AS k
UNION ALL
SELECT
    k.DeviceId,
    0,
    CASE
        WHEN LEN(k.Digits) = 10 THEN CAST(CONCAT(N'1', k.Digits) AS nvarchar(255)) COLLATE DATABASE_DEFAULT
        WHEN LEN(k.Digits) = 11 AND LEFT(k.Digits, 1) = N'1' THEN CAST(SUBSTRING(k.Digits, 2, 10) AS nvarchar(255)) COLLATE DATABASE_DEFAULT
    END
FROM (
    SELECT
        j.DeviceId,
        REPLACE(TRANSLATE(j.MSISDN COLLATE Latin1_General_BIN2, j.Junk, REPLICATE(N' ', LEN(j.Junk))), N' ', N'') AS Digits
    FROM (
        SELECT
            d.id AS DeviceId,
            d.MSISDN,
            CONCAT(N'-', REPLACE(TRANSLATE(d.MSISDN COLLATE Latin1_General_BIN2, N'0123456789', N'          '), N' ', N'')) AS Junk
        FROM dbo.Device AS d
    ) AS j
) AS k;
GO
-- The digits by which a line of the mirror names a SIM: it is for those whose sim_key has the same IsSim and Digits. The
-- ICCID (IsSim 1) stands in Number2 or Number, the number (IsSim 0) in Number where Number2 is empty. The plain columns are
-- searched as they stand; IsPlain 0: the digits of spellings with anything else in them, of which there are few and for which
-- a portal has no index: read them once a statement. A line may have several rows, those of the past too.
CREATE VIEW device_association.line_key AS
SELECT
    l.id AS LineId,
    l.RevServiceId AS RevServiceId,
    l.IntegrationAuthenticationId AS AccountId,
    l.RevCustomerId AS RevCustomerId,
    l.ActivatedDate AS ActivatedDate,
    l.DisconnectedDate AS DisconnectedDate,
    l.IsDeleted AS IsDeleted,
    1 AS IsPlain,
    CASE WHEN l.Number2 COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN 1 END AS IsSim,
    l.Number2 AS Digits
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    1, CASE WHEN l.Number COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN 1 END, l.Number
FROM dbo.RevService AS l
UNION ALL
SELECT
    l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
    1,
    CASE
        WHEN
            l.Number COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%'
            AND REPLACE(TRANSLATE(COALESCE(l.Number2, N'') COLLATE Latin1_General_BIN2, CONCAT(N' ', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'       '), N' ', N'') = N''
            THEN 0
    END,
    l.Number
FROM dbo.RevService AS l
UNION ALL
SELECT
    k.id, k.RevServiceId, k.IntegrationAuthenticationId, k.RevCustomerId, k.ActivatedDate, k.DisconnectedDate, k.IsDeleted,
    0, 1, CASE WHEN k.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
FROM (
    SELECT
        b.id, b.RevServiceId, b.IntegrationAuthenticationId, b.RevCustomerId, b.ActivatedDate, b.DisconnectedDate, b.IsDeleted,
        CASE WHEN b.Number2 COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%' THEN LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) END AS Digits
    FROM (
        SELECT
            l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
            l.Number2,
            REPLACE(TRANSLATE(l.Number2 COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
        FROM dbo.RevService AS l
    ) AS b
) AS k
UNION ALL
SELECT
    k.id, k.RevServiceId, k.IntegrationAuthenticationId, k.RevCustomerId, k.ActivatedDate, k.DisconnectedDate, k.IsDeleted,
    0, 1, CASE WHEN k.Digits COLLATE Latin1_General_BIN2 NOT LIKE N'%[^0-9]%' THEN CAST(k.Digits AS nvarchar(255)) COLLATE DATABASE_DEFAULT END
FROM (
    SELECT
        b.id, b.RevServiceId, b.IntegrationAuthenticationId, b.RevCustomerId, b.ActivatedDate, b.DisconnectedDate, b.IsDeleted,
        CASE WHEN b.Number COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%' THEN LEFT(b.Bare, LEN(b.Bare) - CASE WHEN RIGHT(b.Bare, 1) IN (N'F', N'f') THEN 1 ELSE 0 END) END AS Digits
    FROM (
        SELECT
            l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
            l.Number,
            REPLACE(TRANSLATE(l.Number COLLATE Latin1_General_BIN2, CONCAT(N' -', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'        '), N' ', N'') AS Bare
        FROM dbo.RevService AS l
    ) AS b
) AS k
UNION ALL
SELECT
    j.id, j.RevServiceId, j.IntegrationAuthenticationId, j.RevCustomerId, j.ActivatedDate, j.DisconnectedDate, j.IsDeleted,
    0,
    CASE
        WHEN
            j.Number COLLATE Latin1_General_BIN2 LIKE N'%[^0-9]%'
            AND REPLACE(TRANSLATE(COALESCE(j.Number2, N'') COLLATE Latin1_General_BIN2, CONCAT(N' ', NCHAR(9), NCHAR(10), NCHAR(11), NCHAR(12), NCHAR(13), NCHAR(160)), N'       '), N' ', N'') = N''
            THEN 0
    END,
    CAST(REPLACE(TRANSLATE(j.Number COLLATE Latin1_General_BIN2, j.Junk, REPLICATE(N' ', LEN(j.Junk))), N' ', N'') AS nvarchar(255)) COLLATE DATABASE_DEFAULT
FROM (
    SELECT
        l.id, l.RevServiceId, l.IntegrationAuthenticationId, l.RevCustomerId, l.ActivatedDate, l.DisconnectedDate, l.IsDeleted,
        l.Number,
        l.Number2,
        CONCAT(N'-', REPLACE(TRANSLATE(l.Number COLLATE Latin1_General_BIN2, N'0123456789', N'          '), N' ', N'')) AS Junk
    FROM dbo.RevService AS l
) AS j;
GO
-- The SIMs that somebody is at work on, by ICCID and by MSISDN: what becomes of them is not known yet. A deleted change
-- works on none, but for the calls that it has out.
CREATE VIEW device_association.sim_at_work AS
SELECT
    i.ICCID AS Number
FROM device_association.rev_intent AS i
WHERE i.State IN ('PLANNED', 'CALLING', 'UNKNOWN')
UNION ALL
SELECT i.MSISDN AS Number
FROM device_association.rev_intent AS i
WHERE i.State IN ('PLANNED', 'CALLING', 'UNKNOWN') AND i.MSISDN IS NOT NULL
UNION ALL
SELECT m.ICCID AS Number
FROM dbo.DeviceBulkChange AS c
INNER JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsProcessed = 0
WHERE c.Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL') AND c.IsDeleted = 0 AND m.IsDeleted = 0
UNION ALL
SELECT m.MSISDN AS Number
FROM dbo.DeviceBulkChange AS c
INNER JOIN dbo.M2M_DeviceChange AS m ON c.id = m.BulkChangeId AND m.IsProcessed = 0
WHERE
    c.Status IN ('NEW', 'PROCESSING', 'PENDING_APPROVAL')
    AND c.IsDeleted = 0
    AND m.IsDeleted = 0
    AND m.MSISDN IS NOT NULL;

GO
-- The lines that Rev.io showed and that the mirror lacks, by the numbers that name a SIM: new ones, those of customers whom the
-- portal does not know, and those that nobody could judge. Who owns such a line is not known, but that it is billed is. One
-- that the mirror had as deleted or ended when Rev.io showed it counts too; one that was ended in the mirror since does not.
CREATE VIEW device_association.unmirrored_line AS
SELECT
    n.MatchKey,
    v.IntegrationAuthenticationId AS AccountId,
    v.RevServiceId,
    v.CustomerNumber,
    v.DisconnectedDate
FROM device_association.vendor_line_key AS n
INNER JOIN device_association.vendor_line AS v
    ON n.IntegrationAuthenticationId = v.IntegrationAuthenticationId AND n.RevServiceId = v.RevServiceId
WHERE
    NOT EXISTS (
        SELECT 1 FROM dbo.RevService AS l
        WHERE
            l.IntegrationAuthenticationId = v.IntegrationAuthenticationId
            AND l.RevServiceId = v.RevServiceId
            AND l.IsDeleted = 0
            AND (
                l.DisconnectedDate IS NULL
                OR l.DisconnectedDate > v.ListedDate
                OR COALESCE(l.ModifiedDate, l.CreatedDate) >= v.ListedDate
            )
    );

GO
-- Which active or past records that cannot be judged may be those of a device's SIM: they name it, or a number that was sent
-- without its last digits may be its ICCID. Of these numbers the length and the first 16 digits are compared, see `rounded_keys`.
CREATE VIEW device_association.unjudged_sim AS
SELECT
    k.DeviceId AS DeviceId,
    u.IntegrationAuthenticationId AS AccountId,
    u.LineKey AS LineKey,
    u.RevServiceId AS RevServiceId,
    u.CustomerNumber AS CustomerNumber,
    u.DisconnectedDate AS DisconnectedDate
FROM (
    SELECT s.DeviceId, CONCAT(CASE s.IsSim WHEN 1 THEN 'I' ELSE 'N' END, s.Digits) AS MatchKey
    FROM device_association.sim_key AS s
    UNION ALL
    SELECT s.DeviceId, CASE WHEN s.IsSim = 1 THEN CONCAT('R', LEN(s.Digits), '-', LEFT(s.Digits, 16)) END
    FROM device_association.sim_key AS s
) AS k
INNER JOIN device_association.unjudged_line_key AS n ON k.MatchKey = n.MatchKey
INNER JOIN device_association.unjudged_line AS u
    ON n.IntegrationAuthenticationId = u.IntegrationAuthenticationId AND n.LineKey = u.LineKey;

GO
-- When something about a line was written, here or at Rev.io. What is reported of a line keeps it in sight for good.
CREATE VIEW device_association.line_moment AS
SELECT
    l.IntegrationAuthenticationId AS AccountId,
    l.RevServiceId AS RevServiceId,
    l.Number AS Number,
    l.Number2 AS Number2,
    CAST(l.CreatedDate AS datetime2(3)) AS Moment
FROM dbo.RevService AS l
UNION ALL
SELECT l.IntegrationAuthenticationId, l.RevServiceId, l.Number, l.Number2, l.ModifiedDate
FROM dbo.RevService AS l
WHERE l.ModifiedDate IS NOT NULL
UNION ALL
SELECT v.IntegrationAuthenticationId, v.RevServiceId, v.Number, v.Number2, COALESCE(v.CreatedDate, v.ListedDate)
FROM device_association.vendor_line AS v
UNION ALL
SELECT v.IntegrationAuthenticationId, v.RevServiceId, v.Number, v.Number2, v.DisconnectedDate
FROM device_association.vendor_line AS v
WHERE v.DisconnectedDate <= v.ListedDate
UNION ALL
SELECT
    f.IntegrationAuthenticationId, f.RevServiceId, CAST(NULL AS nvarchar(255)), CAST(NULL AS nvarchar(255)),
    CAST('9999-01-01' AS datetime2(3))
FROM device_association.finding AS f
WHERE f.ClosedDate IS NULL AND f.RevServiceId IS NOT NULL;

GO
-- Which devices of an account's tenants a line is for: it names the ICCID, or the MSISDN and no SIM, or they are linked to it.
CREATE VIEW device_association.line_device AS
SELECT
    p.LineId AS LineId,
    p.AccountId AS AccountId,
    x.id AS DeviceTenantId,
    x.TenantId AS TenantId,
    x.AccountNumber AS AccountNumber,
    x.AccountNumberIntegrationAuthenticationId AS AccountNumberIntegrationAuthenticationId,
    d.id AS DeviceId,
    d.ICCID AS ICCID,
    CASE WHEN d.IsActive = 0 OR UPPER(s.Status) = 'ARCHIVED' THEN 1 ELSE 0 END AS IsArchived
FROM (
    SELECT l.LineId, l.AccountId, k.DeviceId
    FROM device_association.sim_key AS k
    INNER JOIN device_association.line_key AS l ON k.IsSim = l.IsSim AND k.Digits = l.Digits
    UNION
    SELECT l.id, l.IntegrationAuthenticationId, y.DeviceId
    FROM dbo.Device_Tenant AS y
    INNER JOIN dbo.RevService AS l ON y.RevServiceId = l.id
    WHERE y.IsDeleted = 0
) AS p
INNER JOIN dbo.Device AS d ON p.DeviceId = d.id AND d.IsDeleted = 0
INNER JOIN dbo.Device_Tenant AS x ON d.id = x.DeviceId AND x.IsDeleted = 0
INNER JOIN dbo.Integration_Authentication AS a ON p.AccountId = a.id
INNER JOIN dbo.Tenant AS own ON a.TenantId = own.id
INNER JOIN dbo.Tenant AS t
    ON x.TenantId = t.id AND (t.id = own.id OR t.ParentTenantId = own.id OR t.id = own.ParentTenantId)
LEFT JOIN dbo.DeviceStatus AS s ON d.DeviceStatusId = s.id;
