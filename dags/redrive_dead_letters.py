"""
# Redrive dead letters

A message that the listener has received five times without an end lies in the dead-letter queue. This looks at each, says
why it is there as things stand now, and, told to, puts back the good ones and sets aside the rest.

**Run it** with *Trigger*. *Only look*, the default, changes nothing; its result counts the messages by cause, and the
portal's screen *Dead letters* lists them (the sweep looks every two minutes as well). Then run it again with *put back the
good ones, set aside the rest*, for all or for the ids that you name.

**The causes.** `OPEN`: good, its run could not be started; it is put back. `STALE`, `ENDED`: harmless, its change goes on
without it. `NO_SUCH_CHANGE`: the change is gone, nothing can come of the message. `UNKNOWN_RETRY`: a retry that the change
never had. `OTHER_TYPE`: another program's change. `UNREADABLE`. All but the first are set aside.

**Nothing is deleted unseen.** Body, attributes, cause, and who set it aside when stay in `device_association.dead_letter`. A
good one is first sent, then marked, then deleted; a run that dies or comes twice does no harm, for a message sent twice
starts one run.

**The result** counts `redriven`, `quarantined`, `left` (not among the ids), `not_there`: an id that is not in the queue; the
log says what became of it, or to try again in a minute, when somebody was just looking. At most 1,000 messages a run.

**When it is red.** The first log line says what to do: no dead-letter queue is set, the connection `bulk_change_queue`, or
the portal's database. Mend that and clear the task.
"""

from datetime import timedelta

from airflow.sdk import dag

from device_association_airflow.dag_defaults import DAG_DEFAULTS
from device_association_airflow.tasks.dead_letters import REDRIVE_FORM, redrive


@dag(
    **DAG_DEFAULTS,
    schedule=None,
    params=REDRIVE_FORM,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=1),
    doc_md=__doc__,
    dag_display_name="Redrive dead letters",
)
def redrive_dead_letters() -> None:
    """Look at the dead letters; put back the good ones and set aside the rest when told to."""
    redrive()


redrive_dead_letters()
