//! What the program is given: its arguments and variables, the container's files and streams, and its network if that is allowed.
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::{FsPerms, ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::failure::Failure;
use crate::limits::Limits;
use crate::requests::Requests;
use crate::settings::{Settings, texts};

/// A module's state.
pub struct ModuleState {
    pub wasi: WasiP1Ctx,
    pub limits: Limits,
}

/// A component's state.
pub struct ComponentState {
    pub wasi: WasiCtx,
    pub table: ResourceTable,
    pub http: WasiHttpCtx,
    hooks: Requests,
    pub limits: Limits,
}

impl ComponentState {
    pub fn new(settings: &Settings, arguments: &[String]) -> Result<Self, Failure> {
        Ok(Self {
            wasi: new(settings, arguments)?.build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            hooks: Requests { allowed: settings.network },
            limits: Limits::new(settings.memory),
        })
    }
}

impl WasiHttpView for ComponentState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.hooks }
    }
}

impl WasiView for ComponentState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// Its files are the container's: all of `/`, as the mounts of the container and its user's rights have it.
pub fn new(settings: &Settings, arguments: &[String]) -> Result<WasiCtxBuilder, Failure> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.inherit_stdio().args(arguments).allow_blocking_current_thread(true);
    for (name, value) in std::env::vars_os() {
        let pair = texts([name, value].into_iter(), "variable")?;
        wasi.env(&pair[0], &pair[1]);
    }
    wasi.preopened_dir("/", "/", FsPerms::ReadWrite)
        .map_err(|error| Failure::refused(format!("its root can't be opened: {error:#}")))?;
    start_in(&mut wasi)?;
    if settings.network {
        wasi.inherit_network().allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
    }
    Ok(wasi)
}

/// WASI has no working directory of its own: components are told of one, and Go's programs look for PWD.
fn start_in(wasi: &mut WasiCtxBuilder) -> Result<(), Failure> {
    let directory = texts(std::iter::once(std::env::current_dir()?.into_os_string()), "working directory")?.remove(0);
    wasi.initial_cwd(&directory);
    if directory != "/" && std::env::var_os("PWD").is_none() {
        wasi.env("PWD", &directory);
    }
    Ok(())
}
