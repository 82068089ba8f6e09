//! A media worker as a process of its own, as a deploy starts and stops it.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use local::platform::Platform;
use local::platform::environment;
use sim::balancer::Balancer;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// How long a worker may take until it serves, and until it has let go of its calls: its time to drain and
/// a little more.
const START_MAX: Duration = Duration::from_secs(20);
const STOP_MAX: Duration = Duration::from_secs(130);

/// Killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Process {
    /// Starts a worker on the platform's installation and waits until the balancer sends it calls.
    pub(crate) async fn start(
        binary: &Path,
        platform: &Platform,
        balancer: &Balancer,
        calls_max: usize,
        log: &Path,
    ) -> anyhow::Result<Self> {
        // Nobody else listens there: the port was free a moment ago.
        let address = TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?;
        let log = std::fs::File::create(log)?;
        let mut command = Command::new(binary);
        command.env_clear();
        let variables = environment::variables(platform.settings(), platform.engines_environment());
        for (name, value) in variables {
            command.env(name, value.expose());
        }
        command
            .env("TRUNKLINE_WORKER_PORT", address.port().to_string())
            .env("TRUNKLINE_WORKER_CALLS_MAX", calls_max.to_string())
            .env("TRUNKLINE_WORKER_THREADS", "1")
            .env("TRUNKLINE_LOG", "info")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        let child = command.spawn().context("starting a worker")?;
        let worker = Self { address, child };
        anyhow::ensure!(
            balancer.add(address, START_MAX).await,
            "a worker does not serve"
        );
        Ok(worker)
    }

    /// Asks it to stop, as an orchestrator does, and waits until it has.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let pid = self.child.id().context("a worker ended by itself")?;
        let told = Command::new("kill")
            .args(["-TERM", &pid.to_string()])
            .status()
            .await;
        anyhow::ensure!(told?.success(), "a worker could not be told to stop");
        let ended = tokio::time::timeout(STOP_MAX, self.child.wait()).await;
        let ended = ended.context("a worker does not let go of its calls")??;
        anyhow::ensure!(ended.success(), "a worker ended badly: {ended}");
        Ok(())
    }

    /// Ends it without a word (`SIGKILL`).
    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing a worker")
    }
}
