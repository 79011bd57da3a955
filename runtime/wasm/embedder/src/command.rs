//! A program that is run once: a module's `_start` (WASI preview 1), a component's `wasi:cli/run` (WASI 0.2), or one function of it.
use wasmtime::{Engine, ExternType, Func, Instance, Linker, Module, Store, Val, component};
use wasmtime_wasi::p2::bindings::CommandPre;

use crate::confine;
use crate::context::{self, ComponentState, ModuleState};
use crate::engine;
use crate::failure::{Exit, Failure, printable};
use crate::limits::{Limits, Refused};
use crate::settings::{Kind, Settings};

const START: &str = "_start";
/// How many functions' names are shown.
const SHOWN: usize = 8;
/// What a library has called before any other function of it (WASI, application ABI).
const INITIALIZE: &str = "_initialize";

/// The store with all its limits; `T` has them.
fn store<T: 'static>(
    engine: &Engine,
    settings: &Settings,
    state: T,
    limits: fn(&mut T) -> &mut Limits,
) -> Result<Store<T>, Failure> {
    let mut store = Store::new(engine, state);
    store.limiter(move |state| limits(state));
    if let Some(fuel) = settings.fuel {
        store.set_fuel(fuel).map_err(|error| Failure::engine(&format!("{error:#}")))?;
    }
    if settings.kind == Kind::Service {
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
    } else if settings.timeout.is_some() {
        store.set_epoch_deadline(1);
    }
    Ok(store)
}

pub async fn run_module(engine: &Engine, settings: &Settings, arguments: &[String]) -> Result<(), Failure> {
    let module = engine::module(engine)?;
    let state =
        ModuleState { wasi: context::new(settings, arguments)?.build_p1(), limits: Limits::new(settings.memory) };
    let mut store = store(engine, settings, state, |state| &mut state.limits)?;
    let linker = module_linker(engine)?;
    refuse_missing(&linker, &mut store, &module)?;
    let started = linker.instantiate_async(&mut store, &module).await;
    let instance = started.map_err(|error| not_started(&error, store.data().limits.refused))?;
    let functions = match &settings.function {
        None => [None, Some(entry(&mut store, instance, &module, START)?)],
        Some(name) => [instance.get_func(&mut store, INITIALIZE), Some(entry(&mut store, instance, &module, name)?)],
    };
    confine::no_new_code()?;
    for function in functions.into_iter().flatten() {
        let mut results = vec![Val::I32(0); function.ty(&store).results().len()];
        let done = function.call_async(&mut store, &[], &mut results).await;
        done.map_err(|error| Failure::of_call(&error, store.data().limits.refused))?;
    }
    Ok(())
}

/// A function of a module that can be called with nothing.
fn entry<T: 'static>(store: &mut Store<T>, instance: Instance, module: &Module, name: &str) -> Result<Func, Failure> {
    let found = instance.get_func(&mut *store, name);
    match found {
        Some(function) if function.ty(&*store).params().len() == 0 => Ok(function),
        Some(_) => Err(wants_arguments(name)),
        None if name == START => {
            Err(Failure::refused("it has no function _start: it is a library, not a program".into()).helped(of(module)))
        }
        None => Err(lacks(name).helped(of(module))),
    }
}

/// Those of its functions that can be called, for whoever has named none of them.
fn of(module: &Module) -> String {
    let names: Vec<String> = module
        .exports()
        .filter(|export| matches!(export.ty(), ExternType::Func(kind) if kind.params().len() == 0))
        .map(|export| printable(export.name()))
        .collect();
    match names.len() {
        0 => "it exports no function that can be called without arguments".into(),
        count => {
            let more = if count > SHOWN { ", …" } else { "" };
            format!("--entrypoint 'PATH#NAME' calls one of its own: {}{more}", names[..count.min(SHOWN)].join(", "))
        }
    }
}

fn wants_arguments(name: &str) -> Failure {
    Failure::refused(format!("its function {} wants arguments, and only one without can be called", printable(name)))
}

fn lacks(name: &str) -> Failure {
    Failure::refused(format!("it has no function {}", printable(name)))
}

fn module_linker(engine: &Engine) -> Result<Linker<ModuleState>, Failure> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    let defined = wasmtime_wasi::p1::add_to_linker_async(&mut linker, |state: &mut ModuleState| &mut state.wasi)
        // WASI's own takes no code above 125; a process may end with any that fits into a byte.
        .and_then(|()| {
            linker
                .func_wrap("wasi_snapshot_preview1", "proc_exit", |code: u32| -> wasmtime::Result<()> {
                    Err(Exit(code.to_le_bytes()[0]).into())
                })
                .map(|_| ())
        });
    defined.map_err(|error| Failure::engine(&format!("{error:#}")))?;
    Ok(linker)
}

/// What it imports and nobody has, all at once.
fn refuse_missing<T: 'static>(linker: &Linker<T>, store: &mut Store<T>, module: &Module) -> Result<(), Failure> {
    let missing: Vec<String> = module
        .imports()
        .filter(|import| linker.get_by_import(&mut *store, import).is_none())
        .map(|import| format!("{}.{}", import.module(), import.name()))
        .collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let more = if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    Err(Failure::refused(format!("it imports {first}{more}, which WASI preview 1 doesn't have")))
}

pub async fn run_component(engine: &Engine, settings: &Settings, arguments: &[String]) -> Result<(), Failure> {
    let ready = component_ready(engine)?;
    if let Some(name) = &settings.function {
        return run_function(engine, settings, arguments, &ready, name).await;
    }
    let ready = CommandPre::new(ready).map_err(|error| not_started(&error, None))?;
    let mut store = component_store(engine, settings, arguments)?;
    let started = ready.instantiate_async(&mut store).await;
    let command = started.map_err(|error| not_started(&error, store.data().limits.refused))?;
    confine::no_new_code()?;
    match command.wasi_cli_run().call_run(&mut store).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(())) => Err(Failure::Exit(1)),
        Err(error) => Err(Failure::of_call(&error, store.data().limits.refused)),
    }
}

/// One function that a component exports as such, not one of an interface.
async fn run_function(
    engine: &Engine,
    settings: &Settings,
    arguments: &[String],
    ready: &component::InstancePre<ComponentState>,
    name: &str,
) -> Result<(), Failure> {
    let mut store = component_store(engine, settings, arguments)?;
    let started = ready.instantiate_async(&mut store).await;
    let instance = started.map_err(|error| not_started(&error, store.data().limits.refused))?;
    let function = instance.get_func(&mut store, name).ok_or_else(|| lacks(name))?;
    if function.ty(&store).params().len() > 0 {
        return Err(wants_arguments(name));
    }
    let mut results = vec![component::Val::Bool(false); function.ty(&store).results().len()];
    confine::no_new_code()?;
    let done = function.call_async(&mut store, &[], &mut results).await;
    done.map_err(|error| Failure::of_call(&error, store.data().limits.refused))?;
    if matches!(results[..], [component::Val::Result(Err(_))]) { Err(Failure::Exit(1)) } else { Ok(()) }
}

/// With all that it imports.
pub fn component_ready(engine: &Engine) -> Result<component::InstancePre<ComponentState>, Failure> {
    let component = engine::component(engine)?;
    component_linker(engine)?.instantiate_pre(&component).map_err(|error| not_started(&error, None))
}

fn component_linker(engine: &Engine) -> Result<component::Linker<ComponentState>, Failure> {
    let mut linker = component::Linker::new(engine);
    let defined = wasmtime_wasi::p2::add_to_linker_async(&mut linker)
        .and_then(|()| wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker));
    defined.map_err(|error| Failure::engine(&format!("{error:#}")))?;
    Ok(linker)
}

/// A component's own store: one for a command, one for each request.
pub fn component_store(
    engine: &Engine,
    settings: &Settings,
    arguments: &[String],
) -> Result<Store<ComponentState>, Failure> {
    store(engine, settings, ComponentState::new(settings, arguments)?, |state| &mut state.limits)
}

/// An import that nobody has, a memory that is too large at the start; or its start function ended it.
fn not_started(error: &wasmtime::Error, refused: Option<Refused>) -> Failure {
    if error.is::<wasmtime::Trap>() || error.is::<Exit>() || error.is::<wasmtime_wasi::I32Exit>() {
        return Failure::of_call(error, refused);
    }
    refused.map_or_else(
        || Failure::refused(format!("it can't be started: {error:#}")).helped("'whit inspect' tells what it imports"),
        Failure::too_large,
    )
}
