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
