//! The questions as functions of JavaScript that carry their policy with them.
//!
//! A method of a class pays for finding its object before any work, several times what a decision
//! costs. A plain function of Node-API with the policy as its data pointer pays for reading its
//! arguments and nothing else. The function keeps its policy alive, and frees its share with
//! itself, so it can be called whenever it can be reached.
//!
//! An explained decision crosses as one text, because every value that crosses costs as much as a
//! decision. The package splits it; none of its parts holds a space.

#![expect(unsafe_code, reason = "Node-API calls back with a pointer; each use says why it is valid")]

use crate::{
    arguments::{address, client, port, with_destination},
    node::Value,
};
use napi::{
    Result, Status,
    bindgen_prelude::{Env, ToNapiValue, TypeName},
    sys,
};
use sandgate::{Decision, Policy, Verdict};
use std::{
    ffi::c_void,
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

/// Which question a function asks.
#[derive(Debug)]
pub(crate) enum Question {
    Ingress,
    Egress,
    IngressExplained,
    EgressExplained,
}

/// A function that is not made yet.
#[derive(Debug)]
pub struct Ask {
    pub(crate) policy: Policy,
    pub(crate) question: Question,
}

impl TypeName for Ask {
    fn type_name() -> &'static str {
        "function"
    }

    fn value_type() -> napi::ValueType {
        napi::ValueType::Function
    }
}

impl ToNapiValue for Ask {
    unsafe fn to_napi_value(env: sys::napi_env, ask: Self) -> Result<sys::napi_value> {
        let callback = match ask.question {
            Question::Ingress => ingress,
            Question::Egress => egress,
            Question::IngressExplained => ingress_explained,
            Question::EgressExplained => egress_explained,
        };
        let data: *mut c_void = Box::into_raw(Box::new(ask.policy)).cast();
        let mut function = ptr::null_mut();
        // SAFETY: the policy lives until `free`, which Node calls when the function is gone.
        let made = unsafe {
            let made = sys::napi_create_function(env, ptr::null(), 0, Some(callback), data, &raw mut function);
            if made == sys::Status::napi_ok {
                sys::napi_add_finalizer(env, function, data, Some(free), ptr::null_mut(), ptr::null_mut())
            } else {
                made
            }
        };
        if made == sys::Status::napi_ok {
            return Ok(function);
        }
        // SAFETY: nobody else knows the pointer: without a finalizer the function is not given out.
        unsafe { free(env, data, ptr::null_mut()) };
        Err(napi::Error::from_status(Status::from(made)))
    }
}

/// Frees a function's share of its policy.
unsafe extern "C" fn free(_: sys::napi_env, data: *mut c_void, _: *mut c_void) {
    // SAFETY: made by `Box::into_raw` above, and freed once.
    drop(unsafe { Box::from_raw(data.cast::<Policy>()) });
}

unsafe extern "C" fn ingress(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this with what it was created with, as the three below.
    unsafe {
        answer(env, info, |policy, [from, to]| Ok(from.of_boolean(policy.allows_ingress(client(from)?, port(to)?))))
    }
}

unsafe extern "C" fn egress(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: as above.
    unsafe { answer(env, info, |policy, [to, at]| Ok(to.of_boolean(policy.allows_egress(address(to)?, port(at)?)))) }
}

unsafe extern "C" fn ingress_explained(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let question = |policy: &Policy, [from, to]: [Value<'_>; 2]| {
        Ok(from.of_text(&written(&policy.decide_ingress(client(from)?, port(to)?))))
    };
    // SAFETY: as above.
    unsafe { answer(env, info, question) }
}

unsafe extern "C" fn egress_explained(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    let question = |policy: &Policy, arguments: [Value<'_>; 4]| {
        let [to, ..] = arguments;
        with_destination(arguments, |destination| to.of_text(&written(&policy.decide_egress(destination))))
    };
    // SAFETY: as above.
    unsafe { answer(env, info, question) }
}

/// Verdict, reason and name, then list, index and text of the entry if there is one.
fn written(decision: &Decision<'_>) -> String {
    let verdict = decision.verdict();
    let mut text = format!("{} {} ", verdict.as_str(), decision.reason());
    if let Verdict::AllowByName(by_name) = verdict {
        text.push_str(by_name.name().as_str());
    }
    if let Some(entry) = decision.entry() {
        let _ = write!(text, " {} {} {}", entry.list(), entry.index(), entry.entry());
    }
    text
}

/// Reads the arguments, asks, and gives the answer; what is thrown is on its way when it returns.
#[inline]
unsafe fn answer<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    question: impl FnOnce(&Policy, [Value<'_>; N]) -> Result<sys::napi_value>,
) -> sys::napi_value {
    let (mut count, mut arguments, mut data) = (N, [ptr::null_mut(); N], ptr::null_mut());
    // SAFETY: there is room for `N` arguments; those that are missing are undefined.
    let called = unsafe {
        sys::napi_get_cb_info(env, info, &raw mut count, arguments.as_mut_ptr(), ptr::null_mut(), &raw mut data)
    };
    if called != sys::Status::napi_ok {
        return ptr::null_mut();
    }
    // SAFETY: the data pointer is the policy of this function, which is being called and so is alive.
    let policy = unsafe { &*data.cast::<Policy>() };
    let arguments = arguments.map(|raw| Value::new(env, raw));
    // Unwinding out of a function that C calls would end the process.
    let message = match catch_unwind(AssertUnwindSafe(|| question(policy, arguments))) {
        Ok(Ok(answer)) => return answer,
        // What was thrown already is on its way.
        Ok(Err(error)) if error.status == Status::PendingException => return ptr::null_mut(),
        Ok(Err(error)) => error.reason.clone(),
        Err(_) => PANICKED.into(),
    };
    Env::from_raw(env).throw_error(&message, None).unwrap_or_default();
    ptr::null_mut()
}

const PANICKED: &str = "the policy core panicked; treat the answer as a denial, and report this as a defect";
