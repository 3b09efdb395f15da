//! `geo:` URIs, RFC 5870: places as text that a client opens on a map.

use std::fmt;

/// A point on the earth, WGS 84.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Degrees north, -90 to 90.
    pub latitude: f64,
    /// Degrees east, -180 to 180.
    pub longitude: f64,
    /// Metres above the ellipsoid.
    pub altitude: Option<f64>,
    /// Metres around the point within which the place is, RFC 5870 §3.4.3.
    pub uncertainty: Option<f64>,
}

impl Place {
    /// A place from decimal degrees; `None` for what is no number, and beyond the bounds.
    #[must_use]
    pub fn parse(latitude: &str, longitude: &str) -> Option<Self> {
        let latitude = number(latitude).filter(|it| it.abs() <= 90.0)?;
        let longitude = number(longitude).filter(|it| it.abs() <= 180.0)?;
        Some(Self { latitude, longitude, altitude: None, uncertainty: None })
    }

    /// The same place with its altitude in metres, where that is a number.
    #[must_use]
    pub fn at(self, altitude: Option<&str>) -> Self {
        Self { altitude: altitude.and_then(number), ..self }
    }

    /// The same place within so many metres, where that is a number.
    #[must_use]
    pub fn within(self, uncertainty: Option<&str>) -> Self {
        Self { uncertainty: uncertainty.and_then(number).filter(|it| *it >= 0.0), ..self }
    }
}

fn number(text: &str) -> Option<f64> {
    // Longer ones are no measurement.
    let text = Some(text.trim()).filter(|text| text.len() <= 32)?;
    text.parse().ok().filter(|number: &f64| number.abs() < 1e9)
}

impl fmt::Display for Place {
    /// RFC 5870 §3.3. Numbers are written without an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "geo:{},{}", self.latitude, self.longitude)?;
        if let Some(altitude) = self.altitude {
            write!(f, ",{altitude}")?;
        }
        match self.uncertainty {
            Some(uncertainty) => write!(f, ";u={uncertainty}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(latitude: &str, longitude: &str) -> Option<String> {
        Place::parse(latitude, longitude).map(|place| place.to_string())
    }

    #[test]
    fn numbers_are_written_as_the_grammar_wants_them() {
        assert_eq!(written("48.2", "16.3").as_deref(), Some("geo:48.2,16.3"));
        assert_eq!(written(" +48.20 ", "-0.00001").as_deref(), Some("geo:48.2,-0.00001"));
        assert_eq!(written("1e1", "180").as_deref(), Some("geo:10,180"));
        let place = Place::parse("1", "2").expect("a place");
        assert_eq!(place.at(Some("183")).within(Some("12.5")).to_string(), "geo:1,2,183;u=12.5");
        assert_eq!(place.at(Some("high")).within(Some("-1")).to_string(), "geo:1,2");
    }

    #[test]
    fn what_is_no_place_on_earth_is_none() {
        for (latitude, longitude) in
            [("90.1", "0"), ("0", "-180.5"), ("NaN", "0"), ("inf", "0"), ("", "0"), ("x", "1")]
        {
            assert_eq!(written(latitude, longitude), None, "{latitude} {longitude}");
        }
    }
}
