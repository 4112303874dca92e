//! A cluster: a server for each member, and who has which slots.
//!
//! The client library's own cluster connection sends a command again when a connection breaks, and by that would count a
//! request twice; it also keeps reconnecting to a lost member, whatever the breaker says. So what is needed of a
//! cluster's protocol is here: finding the members, and following them when slots move.

mod map;
mod slot;

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, select_ok};
use parking_lot::{Mutex, RwLock};
use redis::Value;
use tidegate_store::ErrorKind;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::map::Address;
use self::map::Range;
pub(crate) use self::slot::{SLOTS, slot_of};
use crate::dispatch::Dispatch;
use crate::failure::{Failure, Redirect};
use crate::key::Names;
use crate::permits::Permits;
use crate::script::Call;

/// How long to wait before asking again who has which slots, at least.
const PAUSE: Duration = Duration::from_millis(100);
/// The same, if nothing says that slots have moved, but a member does not answer.
const LONG_PAUSE: Duration = Duration::from_secs(1);
/// How long a member may take to say who has which slots.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait before a call is tried again whose keys are on their way.
const TRY_AGAIN: Duration = Duration::from_millis(2);
/// How often a call follows slots that move, at most.
const MOST_MOVES: u32 = 8;

/// Makes the server of a member.
type Introduce = Box<dyn Fn(&Address, Weak<Cluster>) -> Result<Dispatch, Failure> + Send + Sync>;

/// A cluster.
pub(crate) struct Cluster {
    this: Weak<Self>,
    name: String,
    seeds: Vec<Address>,
    introduce: Introduce,
    names: Names,
    /// For calls that wait until the members are known.
    permits: Permits,
    members: Mutex<HashMap<Address, Arc<Dispatch>>>,
    owners: RwLock<Arc<Owners>>,
    search: Mutex<Search>,
}

/// Who has which slot: a number for each slot, and the members by number. Slots of nobody have a number of nobody.
struct Owners {
    numbers: Vec<u16>,
    members: Vec<Arc<Dispatch>>,
}

/// The task that asks who has which slots, if one is under way, and when the last one began.
#[derive(Default)]
struct Search {
    under_way: Option<Shared<BoxFuture<'static, Result<(), Failure>>>>,
    begun: Option<Instant>,
}

impl Cluster {
    /// A cluster of which some members are known.
    pub(crate) fn new(
        seeds: Vec<Address>,
        names: Names,
        permits: Permits,
        introduce: impl Fn(&Address, Weak<Self>) -> Result<Dispatch, Failure> + Send + Sync + 'static,
    ) -> Arc<Self> {
        let shown: Vec<String> = seeds.iter().map(ToString::to_string).collect();
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            name: format!("{} (a cluster)", shown.join(", ")),
            seeds,
            introduce: Box::new(introduce),
            names,
            permits,
            members: Mutex::default(),
            owners: RwLock::new(Arc::new(Owners {
                numbers: Vec::new(),
                members: Vec::new(),
            })),
            search: Mutex::default(),
        })
    }

    /// What the cluster is called in messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What bounds how many calls wait until the members are known.
    pub(crate) const fn permits(&self) -> &Permits {
        &self.permits
    }

    /// The members that are known.
    pub(crate) fn members(&self) -> Vec<Arc<Dispatch>> {
        let mut members: Vec<_> = self
            .members
            .lock()
            .iter()
            .map(|(a, m)| (a.clone(), Arc::clone(m)))
            .collect();
        members.sort_by(|(a, _), (b, _)| a.cmp(b));
        members.into_iter().map(|(_, member)| member).collect()
    }

    /// Whose a slot is. Waits until the members are known.
    pub(crate) async fn owner(
        self: &Arc<Self>,
        slot: u16,
        deadline: Instant,
    ) -> Result<Arc<Dispatch>, Failure> {
        if let Some(owner) = self.known_owner(slot) {
            return Ok(owner);
        }
        match timeout_at(deadline, self.find(PAUSE)).await {
            Ok(found) => found?,
            Err(_) => return Err(self.late("who has which slots is not known within the deadline")),
        }
        self.known_owner(slot).ok_or_else(|| {
            let message = format!("redis at {}: nobody serves slot {slot}", self.name);
            Failure::local(ErrorKind::Unavailable, message).of_a_part()
        })
    }

    /// Whose a slot is, if that is known.
    pub(crate) fn known_owner(&self, slot: u16) -> Option<Arc<Dispatch>> {
        let owners = self.owners.read();
        let number = owners.numbers.get(usize::from(slot))?;
        owners.members.get(usize::from(*number)).cloned()
    }

    /// Calls a script on a slot's keys, wherever the slot goes meanwhile.
    pub(crate) async fn run(
        self: &Arc<Self>,
        call: &mut Call,
        slot: u16,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let mut member = self.owner(slot, deadline).await?;
        let mut moves = 0;
        loop {
            let failure = match member.server().run(call, deadline).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            let asked = self.address_of(&member);
            call.asking = false;
            member = match &failure.redirect {
                Some(Redirect::Moved(_) | Redirect::Ask(_)) if moves == MOST_MOVES => {
                    return Err(failure);
                }
                Some(Redirect::Moved(to)) => {
                    moves += 1;
                    self.moved(slot, self.member_at(to, &asked)?)
                }
                Some(Redirect::Ask(to)) => {
                    (moves, call.asking) = (moves + 1, true);
                    self.member_at(to, &asked)?
                }
                Some(Redirect::TryAgain) => {
                    moves = 0;
                    if timeout_at(deadline, tokio::time::sleep(TRY_AGAIN))
                        .await
                        .is_err()
                    {
                        return Err(self.late("the slot's keys are on their way"));
                    }
                    self.owner(slot, deadline).await?
                }
                None => return Err(self.doubt(&member, failure)),
            };
        }
    }

    /// A member does not answer: another one may have its slots by now. If it is not asked any more, and others work, only what is
    /// kept there is lost.
    pub(crate) fn doubt(self: &Arc<Self>, member: &Arc<Dispatch>, failure: Failure) -> Failure {
        if matches!(failure.kind, ErrorKind::Unavailable | ErrorKind::Timeout) {
            drop(self.find(LONG_PAUSE));
        }
        let lost = member.server().health().open_for().is_some();
        if lost && failure.is_of_one_server() && self.others_work(member) {
            return failure.of_a_part();
        }
        failure
    }

    /// Whether another member that has slots answered a moment ago, and not failed since. While a member does not answer, all
    /// are asked every [`LONG_PAUSE`] who has its slots.
    fn others_work(&self, lost: &Arc<Dispatch>) -> bool {
        let owners = Arc::clone(&self.owners.read());
        let mut others = owners
            .members
            .iter()
            .filter(|other| !Arc::ptr_eq(other, lost));
        others.any(|other| {
            let health = other.server().health();
            health.open_for().is_none() && health.has_answered(LONG_PAUSE * 2)
        })
    }

    fn late(&self, what: &str) -> Failure {
        Failure::timeout(format!("redis at {}: {what}", self.name))
    }

    fn address_of(&self, member: &Arc<Dispatch>) -> Address {
        let members = self.members.lock();
        let known = members.iter().find(|(_, known)| Arc::ptr_eq(known, member));
        known.map_or_else(|| self.seeds[0].clone(), |(address, _)| address.clone())
    }

    /// The member that a redirection names.
    fn member_at(&self, told: &str, asked: &Address) -> Result<Arc<Dispatch>, Failure> {
        let address = Address::parse(told, asked)
            .ok_or_else(|| Failure::nonsense(&self.name, "a redirection to nowhere"))?;
        self.member(&address)
    }

    fn member(&self, address: &Address) -> Result<Arc<Dispatch>, Failure> {
        let mut members = self.members.lock();
        if let Some(member) = members.get(address) {
            return Ok(Arc::clone(member));
        }
        let member = Arc::new((self.introduce)(address, Weak::clone(&self.this))?);
        members.insert(address.clone(), Arc::clone(&member));
        Ok(member)
    }

    /// One slot has another owner. Others may have too.
    fn moved(self: &Arc<Self>, slot: u16, to: Arc<Dispatch>) -> Arc<Dispatch> {
        {
            let mut owners = self.owners.write();
            let mut changed = Owners {
                numbers: owners.numbers.clone(),
                members: owners.members.clone(),
            };
            changed.give(slot, slot, &to);
            *owners = Arc::new(changed);
        }
        drop(self.find(PAUSE));
        to
    }

    /// Asks who has which slots, unless that was asked a moment ago. It is asked in the background: the future only
    /// waits for it.
    fn find(self: &Arc<Self>, pause: Duration) -> Shared<BoxFuture<'static, Result<(), Failure>>> {
        let mut search = self.search.lock();
        if let Some(under_way) = search
            .under_way
            .as_ref()
            .filter(|search| search.peek().is_none())
        {
            return under_way.clone();
        }
        if let (Some(begun), Some(last)) = (search.begun, &search.under_way)
            && begun.elapsed() < pause
        {
            return last.clone();
        }
        let cluster = Arc::downgrade(self);
        let task = tokio::spawn(async move {
            match cluster.upgrade() {
                Some(cluster) => cluster.search().await,
                None => Err(crate::dispatch::dropped()),
            }
        });
        let under_way = async move {
            task.await
                .unwrap_or_else(|_| Err(crate::dispatch::dropped()))
        };
        let under_way = under_way.boxed().shared();
        search.begun = Some(Instant::now());
        search.under_way = Some(under_way.clone());
        under_way
    }

    /// Asks all members and all addresses that were given, as far as they work, and believes who answers first.
    async fn search(&self) -> Result<(), Failure> {
        for seed in &self.seeds {
            self.member(seed)?;
        }
        let known: Vec<_> = self
            .members
            .lock()
            .iter()
            .map(|(a, m)| (a.clone(), Arc::clone(m)))
            .collect();
        let questions = known.into_iter().map(|(address, member)| {
            async move {
                let deadline = Instant::now() + PATIENCE;
                let command = redis::cmd("CLUSTER").arg("SLOTS").take();
                let answer = member.server().command(command, deadline).await?;
                let ranges = map::parse(&answer, &address);
                if ranges.is_empty() {
                    let message = format!("redis at {address} knows of nobody who serves a slot");
                    return Err(Failure::local(ErrorKind::Unavailable, message));
                }
                Ok(ranges)
            }
            .boxed()
        });
        let (ranges, _) = select_ok(questions).await?;
        self.learn(&ranges)
    }

    /// Takes in who has which slots. Members that have none any more are left alone.
    fn learn(&self, ranges: &[Range]) -> Result<(), Failure> {
        let mut owners = Owners {
            numbers: Vec::new(),
            members: Vec::new(),
        };
        for range in ranges {
            let member = self.member(&range.owner)?;
            member.server().set_probe_key(self.probe_key(range));
            owners.give(range.first, range.last, &member);
        }
        *self.owners.write() = Arc::new(owners);
        let wanted = |address: &Address| {
            self.seeds.contains(address) || ranges.iter().any(|range| range.owner == *address)
        };
        self.members.lock().retain(|address, _| wanted(address));
        Ok(())
    }

    /// A key in a range of slots, for the probes of the member that has it: of others it writes nothing.
    fn probe_key(&self, range: &Range) -> Vec<u8> {
        let keys = (0..u32::from(SLOTS)).map(|number| self.names.own(&format!("probe{number}")));
        let mut fitting = keys.filter(|key| (range.first..=range.last).contains(&slot_of(key)));
        fitting.next().unwrap_or_else(|| self.names.own("probe"))
    }
}

impl Owners {
    fn give(&mut self, first: u16, last: u16, member: &Arc<Dispatch>) {
        const NOBODY: u16 = u16::MAX;
        self.numbers.resize(usize::from(SLOTS), NOBODY);
        let known = self
            .members
            .iter()
            .position(|known| Arc::ptr_eq(known, member));
        let number = known.unwrap_or_else(|| {
            self.members.push(Arc::clone(member));
            self.members.len() - 1
        });
        let range = usize::from(first)..=usize::from(last).min(usize::from(SLOTS) - 1);
        if let Some(slots) = self.numbers.get_mut(range) {
            slots.fill(u16::try_from(number).unwrap_or(NOBODY));
        }
    }
}
