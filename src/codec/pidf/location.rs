//! The place in a presence document: PIDF-LO, RFC 4119 §2, with the shapes of RFC 5491 §5.2.

use super::Text;
use crate::codec::geo_uri::Place;
use crate::codec::xml::{Element, Limits};

/// Octets that a document may have.
const MAX_OCTETS: usize = 65_536;
/// Namespace of the location, RFC 4119 §2.2.
const GEOPRIV: &str = "urn:ietf:params:xml:ns:pidf:geopriv10";
/// Namespace of points, RFC 5491 §5.2.1.
const GML: &str = "http://www.opengis.net/gml";
/// Namespace of circles, RFC 5491 §5.2.3.
const SHAPES: &str = "http://www.opengis.net/pidflo/1.0";

/// The first point or circle of a document; `None` where it has none, and for what is no document.
/// Other shapes and civic addresses are not read.
#[must_use]
pub fn place_of(document: &Text) -> Option<Place> {
    let limits = Limits { max_stanza_octets: MAX_OCTETS, max_depth: 16, ..Limits::default() };
    let root = Element::parse_document(document, limits).ok()?;
    let info = found(&root, "location-info", GEOPRIV)?;
    info.elements().find_map(|shape| match (&*shape.name, &*shape.ns) {
        ("Point", GML) => point(shape),
        ("Circle", SHAPES) => {
            let radius = shape.elements().find(|child| child.name == "radius").map(Element::text);
            Some(point(shape)?.within(radius.as_deref()))
        }
        _ => None,
    })
}

/// The position of a shape: latitude, longitude and, in three dimensions, altitude
/// (RFC 5491 §5.1, EPSG 4326 and 4979).
fn point(shape: &Element) -> Option<Place> {
    let position = shape.child("pos", GML)?.text();
    let mut numbers = position.split_ascii_whitespace();
    let place = Place::parse(numbers.next()?, numbers.next()?)?;
    Some(place.at(numbers.next()))
}

/// The first descendant of a name; the depth is that of the document, which is bounded.
fn found<'a>(element: &'a Element, name: &str, ns: &str) -> Option<&'a Element> {
    if element.is(name, ns) {
        return Some(element);
    }
    element.elements().find_map(|child| found(child, name, ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(shape: &str) -> Option<String> {
        let document = format!(
            "<presence xmlns='urn:ietf:params:xml:ns:pidf' xmlns:gp='{GEOPRIV}' xmlns:gml='{GML}' \
             xmlns:gs='{SHAPES}' entity='pres:romeo@example.net'><tuple id='t'><status>\
             <gp:geopriv><gp:location-info>{shape}</gp:location-info></gp:geopriv></status>\
             </tuple></presence>"
        );
        place_of(&document.into()).map(|place| place.to_string())
    }

    #[test]
    fn points_and_circles_are_places() {
        let point = "<gml:Point srsName='urn:ogc:def:crs:EPSG::4326'>\
                     <gml:pos>32.86 -97.16</gml:pos></gml:Point>";
        assert_eq!(place(point).as_deref(), Some("geo:32.86,-97.16"));
        let point = "<gml:Point srsName='urn:ogc:def:crs:EPSG::4979'>\
                     <gml:pos>32.86\n-97.16 124</gml:pos></gml:Point>";
        assert_eq!(place(point).as_deref(), Some("geo:32.86,-97.16,124"));
        let circle = "<gs:Circle><gml:pos>42.5463 -73.2512</gml:pos>\
                      <gs:radius uom='urn:ogc:def:uom:EPSG::9001'>850.24</gs:radius></gs:Circle>";
        assert_eq!(place(circle).as_deref(), Some("geo:42.5463,-73.2512;u=850.24"));
    }

    #[test]
    fn what_names_no_point_is_no_place() {
        let civic = "<c:civicAddress xmlns:c='urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr'>\
                     <c:country>IT</c:country></c:civicAddress>";
        for shape in ["", civic, "<gml:Point/>", "<gml:Point><gml:pos>1</gml:pos></gml:Point>"] {
            assert_eq!(place(shape), None, "{shape}");
        }
        assert_eq!(place_of(&"<presence".into()), None);
    }
}
