//! Invoke: calls a method of a class or an instance.
//!
//! Guarantees: the input is checked against the class table before the machine sees it: unknown parameters, references in the wrong
//! form, repeated scalars and values of the wrong type are refused; out parameters that the method did not set are NULL.

use wsman::cim::element::Form;
use wsman::cim::{CimInstance, CimPath, CimType, CimValue};
use wsman::envelope::{self, Header, Output, Response};
use wsman::schema::{self, Declared, Direction, Method};

use super::target::Target;
use super::{Answer, Refusal, Service};

pub(super) fn answer(service: &mut Service<'_>, header: &Header, asked: &envelope::Invoke) -> Result<Answer, Refusal> {
    let target = Target::of(header)?;
    check_action(header, asked)?;
    let class = target.class()?.clone();
    let table = schema::class(target.namespace(), class.as_str());
    let method = table.and_then(|class| class.method(&asked.method));
    if table.is_some() && method.is_none() {
        return Err(Refusal::ACTION_NOT_SUPPORTED);
    }
    let path = address(service, &target, method)?;
    let input = input(asked, method)?;
    let output = service
        .machine
        .invoke(&path, method.map_or(asked.method.as_str(), |method| method.name()), &input)
        .map_err(Refusal::of_instance)?;
    service.takes = output.takes;
    let values = declared_outputs(method, output.out).with("ReturnValue", output.return_value);
    let output = Output { class, method: asked.method.clone(), values };
    Ok(Answer { response: Response::Output(output), naming: target.naming })
}

/// The action is the resource's URI and the method's name.
fn check_action(header: &Header, asked: &envelope::Invoke) -> Result<(), Refusal> {
    let resource = header.resource.as_ref().map(ToString::to_string).unwrap_or_default();
    let expected = format!("{resource}/{}", asked.method);
    match &header.action {
        Some(action) if action.eq_ignore_ascii_case(&expected) => Ok(()),
        _ => Err(Refusal::ACTION_MISMATCH),
    }
}

/// Which instance, or which class, the method is called on.
fn address(service: &Service<'_>, target: &Target, method: Option<&Method>) -> Result<CimPath, Refusal> {
    if service.machine.is_service(target.namespace(), target.class()?) {
        // Which of its keys it asks for is the service's own affair.
        return target.path();
    }
    if method.is_some_and(Method::is_static) {
        return if target.selectors.is_empty() { target.path() } else { Err(Refusal::UNEXPECTED_SELECTORS) };
    }
    target.instance(service.machine).map(|object| object.path)
}

fn input(asked: &envelope::Invoke, method: Option<&Method>) -> Result<CimInstance, Refusal> {
    let mut input = CimInstance::new("__PARAMETERS");
    for parameter in &asked.parameters {
        let name = parameter.name.as_str();
        if *input.get(name) != CimValue::Null {
            continue;
        }
        let declared = match method {
            Some(method) => {
                let known = method.parameter(name, Direction::In);
                Some(known.ok_or_else(|| Refusal::invalid_body(format!("{} has no parameter `{name}`", asked.method)))?.declared())
            }
            None => None,
        };
        let mut forms = asked.parameters.iter().filter(|other| other.name.eq_ignore_ascii_case(name)).map(|other| &other.form);
        forms.clone().try_for_each(|form| check_form(name, form, declared))?;
        let repeated = forms.by_ref().count() > 1;
        if repeated && declared.is_some_and(|declared| !declared.array) {
            return Err(Refusal::invalid_body(format!("parameter `{name}` is no array")));
        }
        let value = asked.value(name, declared).unwrap_or(CimValue::Null);
        check_value(name, &value, declared)?;
        input.set(name, value);
    }
    Ok(input)
}

/// References come with their parts directly inside the parameter, and only where one is declared.
fn check_form(name: &str, form: &Form<'_>, declared: Option<Declared>) -> Result<(), Refusal> {
    let wants = declared.and_then(|declared| declared.cim);
    let fits = match form {
        Form::WrappedReference(_) => false,
        Form::Reference(_) => matches!(wants, None | Some(CimType::Reference)),
        Form::Text(_) => !matches!(wants, Some(CimType::Reference | CimType::Object)),
        Form::Object(_) => matches!(wants, None | Some(CimType::Object)),
        Form::Datetime(_) => matches!(wants, None | Some(CimType::Datetime)),
        Form::Nil => true,
    };
    if fits { Ok(()) } else { Err(Refusal::invalid_body(format!("parameter `{name}` is not in the form of its type"))) }
}

/// A number, truth value or datetime that could not be read stayed text.
fn check_value(name: &str, value: &CimValue, declared: Option<Declared>) -> Result<(), Refusal> {
    let wants = declared.and_then(|declared| declared.cim);
    let text_fits = matches!(wants, None | Some(CimType::String | CimType::EmbeddedInstance | CimType::Char16));
    let unread = |value: &CimValue| matches!(value, CimValue::String(_)) && !text_fits;
    if value.elements().iter().any(unread) {
        return Err(Refusal::invalid_body(format!("parameter `{name}` does not fit its type")));
    }
    Ok(())
}

/// The out parameters in full.
fn declared_outputs(method: Option<&Method>, mut out: CimInstance) -> CimInstance {
    for parameter in method.map(Method::parameters).unwrap_or_default() {
        if parameter.direction() == Direction::Out && *out.get(parameter.name()) == CimValue::Null {
            out.set(parameter.name(), CimValue::Null);
        }
    }
    out
}
