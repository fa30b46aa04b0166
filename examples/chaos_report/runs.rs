//! All runs, on as many threads as there are cores, and their progress.

use std::collections::VecDeque;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::figures::Figures;
use crate::ideal;
use crate::measure::Measure;
use crate::mesh::{Plan, Sort};
use crate::options::Options;
use crate::scenarios::Scenario;

/// How often progress is told.
const TELL: Duration = Duration::from_secs(5);

/// A scenario, and what became of both meshes in it.
pub(crate) struct Ran {
    pub(crate) scenario: Scenario,
    pub(crate) meshward: Figures,
    pub(crate) naive: Figures,
}

pub(crate) struct Report {
    pub(crate) options: Options,
    pub(crate) ran: Vec<Ran>,
    pub(crate) wall: Duration,
    pub(crate) cores: usize,
}

impl Report {
    pub(crate) fn find(&self, key: &str) -> Option<&Ran> {
        self.ran.iter().find(|ran| ran.scenario.key == key)
    }
}

struct Job {
    at: usize,
    name: String,
    plan: Plan,
    lasts_ms: u64,
    strikes_ms: u64,
    is_lossy: bool,
}

enum News {
    Began(usize),
    Is(usize, u64),
    Ended(usize, Box<Figures>),
}

/// Runs every scenario with each software.
pub(crate) fn all(options: &Options, scenarios: Vec<Scenario>) -> Report {
    let begin = Instant::now();
    let jobs: VecDeque<Job> = jobs(&scenarios);
    let names: Vec<_> = jobs.iter().map(|job| (job.name.clone(), job.lasts_ms)).collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (queue, (news, hears)) = (Arc::new(Mutex::new(jobs)), mpsc::channel());
    for _ in 0..cores {
        let (queue, news) = (Arc::clone(&queue), news.clone());
        thread::spawn(move || {
            loop {
                let Some(job) = queue.lock().unwrap().pop_front() else { return };
                let told = |what| news.send(what).unwrap();
                told(News::Began(job.at));
                let figures = run(&job, |now| told(News::Is(job.at, now)));
                told(News::Ended(job.at, Box::new(figures)));
            }
        });
    }
    drop(news);
    let mut ended = progress(&names, &hears, begin).into_iter();
    let ran = scenarios.into_iter().map(|scenario| Ran {
        scenario,
        meshward: ended.next().unwrap(),
        naive: ended.next().unwrap(),
    });
    Report { options: options.clone(), ran: ran.collect(), wall: begin.elapsed(), cores }
}

fn jobs(scenarios: &[Scenario]) -> VecDeque<Job> {
    let both = scenarios
        .iter()
        .flat_map(|scenario| [Sort::Meshward, Sort::Naive].map(|sort| (scenario, sort)));
    let jobs = both.enumerate().map(|(at, (scenario, sort))| Job {
        at,
        name: format!("{}, {sort:?}", scenario.title).to_lowercase(),
        plan: Plan { sort, ..scenario.plan.clone() },
        lasts_ms: scenario.lasts_ms,
        strikes_ms: scenario.strikes_ms,
        is_lossy: scenario.key.starts_with("loss"),
    });
    jobs.collect()
}

fn progress(names: &[(String, u64)], hears: &mpsc::Receiver<News>, begin: Instant) -> Vec<Figures> {
    let mut ended: Vec<_> = names.iter().map(|_| None).collect();
    let (mut runs, mut told) = (vec![None; names.len()], Instant::now());
    loop {
        match hears.recv_timeout(TELL) {
            Ok(News::Began(at)) => runs[at] = Some(0),
            Ok(News::Is(at, now)) => runs[at] = Some(now),
            Ok(News::Ended(at, figures)) => {
                runs[at] = None;
                ended[at] = Some(*figures);
                let (done, all) = (ended.iter().flatten().count(), names.len());
                let delivery = ended[at].as_ref().map_or(0.0, Figures::delivery) * 100.0;
                let (name, wall) = (&names[at].0, begin.elapsed().as_secs());
                eprintln!("[{done:2}/{all} {wall:4} s] {name}: {delivery:.1} % delivered");
                told = Instant::now();
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if told.elapsed() >= TELL {
            told = Instant::now();
            for (at, now) in runs.iter().enumerate().filter_map(|(at, now)| Some((at, (*now)?))) {
                let (name, lasts) = &names[at];
                eprintln!("              {name}: {} of {} s", now / 1000, lasts / 1000);
            }
        }
    }
    ended.into_iter().map(Option::unwrap).collect()
}

/// One mesh through one scenario.
fn run(job: &Job, tell: impl Fn(u64)) -> Figures {
    let begin = Instant::now();
    let mut world = job.plan.world();
    let mut measure = Measure::new(&world, job.lasts_ms, job.strikes_ms, job.is_lossy);
    // Counters are looked at every second, and before a node loses its own.
    let mut stops: Vec<_> = (1..job.lasts_ms / 1000).map(|second| second * 1000).collect();
    stops.extend(job.plan.faults.iter().map(|(at, _)| at.saturating_sub(1)));
    stops.push(job.lasts_ms);
    stops.sort_unstable();
    for stop in stops {
        while let Some(step) = world.step(stop) {
            measure.after(&world, &step);
        }
        measure.look(&world);
        tell(stop);
    }
    let mut figures = measure.finish(&world);
    figures.ideal = job.is_lossy.then(|| ideal::reached(&job.plan));
    figures.wall_ms = begin.elapsed().as_millis() as u64;
    figures
}
