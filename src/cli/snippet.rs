//! `poolgate snippet`: what a proxy that asks Poolgate has to be told, for the routes of a configuration.
//!
//! Every snippet is safe as it is printed: what can't be decided is refused, a client's own copies
//! of what Poolgate says of it never get through, the path is asked about and forwarded as it was
//! written, and which route a request is for is said by the proxy's configuration.

mod caddy;
mod envoy;
mod fill;
mod haproxy;
mod ingress_nginx;
mod kubernetes;
mod nginx;
mod plan;
mod traefik;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use super::{BAD_CONFIGURATION, NO, USAGE, check, run::print};
use crate::config::{self, Dialect};
use plan::{Place, Plan, place};

/// Print a proxy's configuration that has it ask Poolgate
#[derive(Debug, Args)]
pub(super) struct Snippet {
    /// The proxy
    #[arg(value_enum)]
    caller: Caller,
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "POOLGATE_CONFIG")]
    config: PathBuf,
    /// For this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Where the proxy listens
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: std::net::SocketAddr,
    /// Where the proxy reaches Poolgate: HOST:PORT, or unix:/path [default: listen.ext_authz, or in
    /// Kubernetes the Service `poolgate` of the namespace `default`]
    #[arg(long, value_name = "PLACE", value_parser = place)]
    poolgate: Option<Place>,
    /// Envoy asks over HTTP, not gRPC
    #[arg(long)]
    http: bool,
    /// HAProxy's Lua file, which its configuration loads
    #[arg(long)]
    lua: bool,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Caller {
    Envoy,
    Istio,
    Nginx,
    IngressNginx,
    Traefik,
    Caddy,
    Haproxy,
    GatewayApi,
}

impl Caller {
    /// The dialect of HTTP that it speaks; gRPC without.
    fn dialect(self, http: bool) -> Option<Dialect> {
        match self {
            Self::Envoy => http.then_some(Dialect::Envoy),
            Self::Istio | Self::GatewayApi => None,
            Self::Nginx => Some(Dialect::Nginx),
            Self::IngressNginx => Some(Dialect::IngressNginx),
            Self::Traefik => Some(Dialect::Traefik),
            Self::Caddy => Some(Dialect::Caddy),
            Self::Haproxy => Some(Dialect::HaProxy),
        }
    }

    /// Whether it runs in Kubernetes, and so elsewhere than Poolgate's own loopback.
    fn is_in_kubernetes(self) -> bool {
        matches!(self, Self::Istio | Self::IngressNginx | Self::GatewayApi)
    }
}

impl Snippet {
    pub(super) fn run(self) -> ExitCode {
        if let Some(message) = self.misused() {
            eprintln!("poolgate: {message}");
            return ExitCode::from(USAGE);
        }
        let environment = |name: &str| std::env::var_os(name);
        let loaded = config::read_text(&self.config)
            .and_then(|text| config::load_text(&self.config, &text, &environment));
        let settings = match loaded {
            Ok((settings, _)) => settings,
            Err(problems) => {
                check::print(&problems);
                return ExitCode::from(BAD_CONFIGURATION);
            }
        };
        let written = self.plan(&settings).and_then(|plan| self.write(&plan));
        match written.map(|text| print(&text)) {
            Ok(Ok(())) => ExitCode::SUCCESS,
            Ok(Err(_)) => ExitCode::from(NO),
            Err(message) => {
                eprintln!("poolgate: {}: {message}", self.config.display());
                ExitCode::from(NO)
            }
        }
    }

    /// What makes no sense together.
    fn misused(&self) -> Option<&'static str> {
        match self.caller {
            caller if self.http && caller != Caller::Envoy => Some("--http goes with envoy"),
            caller if self.lua && caller != Caller::Haproxy => Some("--lua goes with haproxy"),
            _ => None,
        }
    }

    /// What the snippet is about.
    ///
    /// # Errors
    /// What the configuration lacks, and what to add.
    fn plan(&self, settings: &config::Settings) -> Result<Plan, String> {
        let dialect = self.caller.dialect(self.http);
        let kubernetes = self.caller.is_in_kubernetes();
        let mut plan = Plan::of(settings, self.route.as_deref(), dialect, kubernetes)?;
        plan.listen = self.listen;
        if let Some(place) = &self.poolgate {
            plan.poolgate = place.clone();
        }
        Ok(plan)
    }

    fn write(&self, plan: &Plan) -> Result<String, String> {
        match self.caller {
            Caller::Envoy if self.http => envoy::over_http(plan),
            Caller::Envoy => envoy::over_grpc(plan),
            Caller::Istio => kubernetes::istio(plan),
            Caller::Nginx => nginx::write(plan),
            Caller::IngressNginx => ingress_nginx::write(plan),
            Caller::Traefik => traefik::write(plan),
            Caller::Caddy => caddy::write(plan),
            Caller::Haproxy if self.lua => Ok(haproxy::LUA.to_owned()),
            Caller::Haproxy => haproxy::write(plan),
            Caller::GatewayApi => kubernetes::gateway_api(plan),
        }
    }
}

#[cfg(test)]
#[path = "snippet/tests.rs"]
mod tests;
