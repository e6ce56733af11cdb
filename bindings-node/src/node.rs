//! Node-API, as far as this package needs it: reading values without coercion, throwing.
//!
//! A [`Value`] lives as long as the call that it came with.

#![expect(unsafe_code, reason = "every call of Node-API is unsafe; each is made with what Node gave for this call")]

use napi::{
    Error, Result, Status,
    bindgen_prelude::{FromNapiValue, TypeName, ValidateNapiValue},
    sys,
};
use std::{ffi::CString, marker::PhantomData, ptr};

/// A value of JavaScript.
#[derive(Debug, Clone, Copy)]
pub struct Value<'call> {
    pub(crate) env: sys::napi_env,
    pub(crate) raw: sys::napi_value,
    call: PhantomData<&'call ()>,
}

/// What `typeof` says, as far as documents care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Undefined,
    Null,
    Boolean,
    Number,
    Text,
    Object,
    Other,
}

/// A typed array.
pub(crate) enum Numbers {
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    Other,
}

// The derived `TypeName` of what takes any value.
impl TypeName for Value<'_> {
    fn type_name() -> &'static str {
        "unknown"
    }

    fn value_type() -> napi::ValueType {
        napi::ValueType::Unknown
    }
}

impl ValidateNapiValue for Value<'_> {
    unsafe fn validate(_: sys::napi_env, _: sys::napi_value) -> Result<sys::napi_value> {
        Ok(ptr::null_mut())
    }
}

impl FromNapiValue for Value<'_> {
    unsafe fn from_napi_value(env: sys::napi_env, raw: sys::napi_value) -> Result<Self> {
        Ok(Self::new(env, raw))
    }
}

/// What JavaScript threw is on its way already; everything else is a defect of the caller.
fn done(status: sys::napi_status) -> Result<()> {
    if status == sys::Status::napi_ok { Ok(()) } else { Err(Error::from_status(Status::from(status))) }
}

impl Value<'_> {
    pub(crate) const fn new(env: sys::napi_env, raw: sys::napi_value) -> Self {
        Self { env, raw, call: PhantomData }
    }

    fn of(self, raw: sys::napi_value) -> Self {
        Self::new(self.env, raw)
    }

    pub(crate) fn kind(self) -> Result<Kind> {
        let mut kind = 0;
        // SAFETY: `env` and `raw` are of this call, as everywhere below.
        done(unsafe { sys::napi_typeof(self.env, self.raw, &raw mut kind) })?;
        Ok(match kind {
            sys::ValueType::napi_undefined => Kind::Undefined,
            sys::ValueType::napi_null => Kind::Null,
            sys::ValueType::napi_boolean => Kind::Boolean,
            sys::ValueType::napi_number => Kind::Number,
            sys::ValueType::napi_string => Kind::Text,
            sys::ValueType::napi_object => Kind::Object,
            _ => Kind::Other,
        })
    }

    pub(crate) fn boolean(self) -> Result<bool> {
        let mut value = false;
        // SAFETY: as above.
        done(unsafe { sys::napi_get_value_bool(self.env, self.raw, &raw mut value) })?;
        Ok(value)
    }

    /// The number, if it is one.
    #[inline]
    pub(crate) fn number(self) -> Option<f64> {
        let mut value = 0.0;
        // SAFETY: as above. What is no number is a status, and no exception.
        let status = unsafe { sys::napi_get_value_double(self.env, self.raw, &raw mut value) };
        (status == sys::Status::napi_ok).then_some(value)
    }

    /// How many bytes a text has.
    pub(crate) fn text_len(self) -> Result<usize> {
        let mut len = 0;
        // SAFETY: as above; without a buffer, Node only counts.
        done(unsafe { sys::napi_get_value_string_utf8(self.env, self.raw, ptr::null_mut(), 0, &raw mut len) })?;
        Ok(len)
    }

    /// A text, with a replacement character for what is no Unicode. No entry, mask or field has one.
    pub(crate) fn text(self) -> Result<String> {
        let mut len = self.text_len()?;
        let mut bytes = vec![0_u8; len.saturating_add(1)];
        let buffer = bytes.as_mut_ptr().cast();
        // SAFETY: the buffer has room for `bytes.len()` bytes, the last of which is a zero.
        done(unsafe { sys::napi_get_value_string_utf8(self.env, self.raw, buffer, bytes.len(), &raw mut len) })?;
        bytes.truncate(len);
        String::from_utf8(bytes).or_else(|error| Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// The text in a buffer, if it is a text that is shorter.
    #[inline]
    pub(crate) fn short_text<const N: usize>(self, buffer: &mut [u8; N]) -> Short<'_> {
        let mut len = 0;
        // SAFETY: the buffer has room for `N` bytes, the last of which is a zero.
        let status =
            unsafe { sys::napi_get_value_string_utf8(self.env, self.raw, buffer.as_mut_ptr().cast(), N, &raw mut len) };
        if status != sys::Status::napi_ok {
            return Short::NoText;
        }
        // Longer text is cut at the end of the buffer, perhaps before a character of up to 4 bytes.
        match buffer.get(..len) {
            Some(text) if len.saturating_add(4) < N => std::str::from_utf8(text).map_or(Short::Long, Short::Text),
            _ => Short::Long,
        }
    }

    pub(crate) fn is_array(self) -> Result<bool> {
        let mut is = false;
        // SAFETY: as above.
        done(unsafe { sys::napi_is_array(self.env, self.raw, &raw mut is) })?;
        Ok(is)
    }

    /// Of an array.
    pub(crate) fn len(self) -> Result<u32> {
        let mut len = 0;
        // SAFETY: as above.
        done(unsafe { sys::napi_get_array_length(self.env, self.raw, &raw mut len) })?;
        Ok(len)
    }

    /// Of an array.
    pub(crate) fn element(self, index: u32) -> Result<Self> {
        let mut element = ptr::null_mut();
        // SAFETY: as above.
        done(unsafe { sys::napi_get_element(self.env, self.raw, index, &raw mut element) })?;
        Ok(self.of(element))
    }

    /// Whether an array has all its elements itself: what a hole gives comes from its prototype.
    pub(crate) fn is_dense(self, len: u32) -> Result<bool> {
        let Some(last) = len.checked_sub(1) else { return Ok(true) };
        // The indices come first and in order, so the last stands at its own place only if all are there.
        let keys = self.keys(sys::KeyConversion::keep_numbers)?;
        Ok(keys.len()? >= len && keys.element(last)?.number() == Some(f64::from(last)))
    }

    /// Of an array.
    pub(crate) fn has_own_element(self, index: u32) -> Result<bool> {
        self.has_own(&index.to_string())
    }

    fn has_own(self, name: &str) -> Result<bool> {
        let mut has = false;
        // SAFETY: as above.
        done(unsafe { sys::napi_has_own_property(self.env, self.raw, self.of_text(name), &raw mut has) })?;
        Ok(has)
    }

    /// Whether two arrays of names hold the same, in the same order.
    pub(crate) fn are_the_same(self, others: Self) -> Result<bool> {
        let len = self.len()?;
        if len != others.len()? {
            return Ok(false);
        }
        for index in 0..len {
            let mut same = false;
            let (one, other) = (self.element(index)?, others.element(index)?);
            // SAFETY: as above.
            done(unsafe { sys::napi_strict_equals(self.env, one.raw, other.raw, &raw mut same) })?;
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The names of an object's own fields, as an array. One that is not enumerable is a field all the same: passed
    /// over, it would be a list that has no effect.
    pub(crate) fn names(self) -> Result<Self> {
        self.keys(sys::KeyConversion::numbers_to_strings)
    }

    fn keys(self, conversion: sys::napi_key_conversion) -> Result<Self> {
        let mut names = ptr::null_mut();
        // SAFETY: as above.
        done(unsafe {
            sys::napi_get_all_property_names(
                self.env,
                self.raw,
                sys::KeyCollectionMode::own_only,
                sys::KeyFilter::skip_symbols,
                conversion,
                &raw mut names,
            )
        })?;
        Ok(self.of(names))
    }

    pub(crate) fn field(self, name: Self) -> Result<Self> {
        let mut field = ptr::null_mut();
        // SAFETY: as above.
        done(unsafe { sys::napi_get_property(self.env, self.raw, name.raw, &raw mut field) })?;
        Ok(self.of(field))
    }

    /// Whether it is an object of no class: `{}` of this or another realm, or one without prototype.
    pub(crate) fn is_plain(self) -> Result<bool> {
        let mut prototype = self.prototype()?;
        if prototype.kind()? == Kind::Null {
            // Node-API says this of every Proxy as well, so JavaScript is asked.
            prototype = self.prototype_in_javascript()?;
        }
        Ok(match prototype.kind()? {
            Kind::Null => true,
            // The prototype of all objects, in whatever realm; `class extends null` has one without prototype too.
            Kind::Object => prototype.prototype()?.kind()? == Kind::Null && prototype.has_own("hasOwnProperty")?,
            _ => false,
        })
    }

    /// `Object.getPrototypeOf`, which asks the handler of a Proxy.
    fn prototype_in_javascript(self) -> Result<Self> {
        let mut global = ptr::null_mut();
        // SAFETY: as above.
        done(unsafe { sys::napi_get_global(self.env, &raw mut global) })?;
        let object = self.of(global).field(self.of(self.of_text("Object")))?;
        let function = object.field(self.of(self.of_text("getPrototypeOf")))?;
        let mut prototype = ptr::null_mut();
        // SAFETY: as above; one argument is passed.
        done(unsafe {
            sys::napi_call_function(self.env, object.raw, function.raw, 1, &raw const self.raw, &raw mut prototype)
        })?;
        Ok(self.of(prototype))
    }

    fn prototype(self) -> Result<Self> {
        let mut prototype = ptr::null_mut();
        // SAFETY: as above.
        done(unsafe { sys::napi_get_prototype(self.env, self.raw, &raw mut prototype) })?;
        Ok(self.of(prototype))
    }

    /// A copy of a typed array; `None` for what is none.
    pub(crate) fn numbers(self) -> Result<Option<Numbers>> {
        let mut is = false;
        // SAFETY: as above.
        done(unsafe { sys::napi_is_typedarray(self.env, self.raw, &raw mut is) })?;
        if !is {
            return Ok(None);
        }
        let (mut kind, mut len, mut data, mut buffer) = (0, 0, ptr::null_mut(), ptr::null_mut());
        // SAFETY: as above, and it is a typed array.
        done(unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.raw,
                &raw mut kind,
                &raw mut len,
                &raw mut data,
                &raw mut buffer,
                ptr::null_mut(),
            )
        })?;
        let mut is_detached = false;
        // SAFETY: as above.
        done(unsafe { sys::napi_is_detached_arraybuffer(self.env, buffer, &raw mut is_detached) })?;
        if is_detached {
            return Err(self.type_error("the buffer of this array was given away"));
        }
        Ok(Some(match kind {
            // SAFETY: Node says that `len` elements of this type are there, aligned as they need.
            sys::TypedarrayType::uint8_array => Numbers::U8(unsafe { self.copied(data.cast(), len) }?),
            // SAFETY: as for bytes.
            sys::TypedarrayType::uint16_array => Numbers::U16(unsafe { self.copied(data.cast(), len) }?),
            // SAFETY: as for bytes.
            sys::TypedarrayType::uint32_array => Numbers::U32(unsafe { self.copied(data.cast(), len) }?),
            _ => Numbers::Other,
        }))
    }

    /// A copy of numbers, made before JavaScript runs again.
    ///
    /// # Safety
    ///
    /// At `data` are `len` numbers.
    unsafe fn copied<T: Copy>(self, data: *const T, len: usize) -> Result<Vec<T>> {
        let mut copy = Vec::new();
        if copy.try_reserve_exact(len).is_err() {
            return Err(self.range_error("there is no memory for a copy of this array"));
        }
        if len > 0 {
            // No reference to them is made: another thread may write into memory that is shared.
            // SAFETY: there is room for `len` numbers, which are there; any bits are a number.
            unsafe {
                ptr::copy_nonoverlapping(data, copy.as_mut_ptr(), len);
                copy.set_len(len);
            }
        }
        Ok(copy)
    }

    /// A boolean for the call that this value came with.
    #[inline]
    pub(crate) fn of_boolean(self, answer: bool) -> sys::napi_value {
        let mut value = ptr::null_mut();
        // SAFETY: as above. If it fails, there is no value, which is `undefined`: not true.
        unsafe { sys::napi_get_boolean(self.env, answer, &raw mut value) };
        value
    }

    /// A text for the call that this value came with.
    pub(crate) fn of_text(self, text: &str) -> sys::napi_value {
        let mut value = ptr::null_mut();
        let len = isize::try_from(text.len()).unwrap_or(isize::MAX);
        // SAFETY: as above, and the text has `len` bytes.
        unsafe { sys::napi_create_string_utf8(self.env, text.as_ptr().cast(), len, &raw mut value) };
        value
    }

    /// Throws a `TypeError`.
    #[cold]
    pub(crate) fn type_error(self, message: &str) -> Error {
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        // SAFETY: as above; the message ends with a zero.
        unsafe { sys::napi_throw_type_error(self.env, ptr::null(), message.as_ptr()) };
        Error::from_status(Status::PendingException)
    }

    /// Throws a `RangeError`.
    #[cold]
    pub(crate) fn range_error(self, message: &str) -> Error {
        let message = CString::new(message.replace('\0', " ")).unwrap_or_default();
        // SAFETY: as above; the message ends with a zero.
        unsafe { sys::napi_throw_range_error(self.env, ptr::null(), message.as_ptr()) };
        Error::from_status(Status::PendingException)
    }
}

/// What [`Value::short_text`] finds.
pub(crate) enum Short<'b> {
    Text(&'b str),
    /// A text, and longer than any address.
    Long,
    NoText,
}
